//! A log of decisions as a file of lines.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Record, Sink};

/// Appends records to a file, each on a line of its own.
///
/// The operator rotates it, by moving it away: it is looked for before every line, and made anew when it is not there or is
/// another one. Nothing needs to be told to this program. A new file is readable by its owner only.
pub struct FileSink {
    path: PathBuf,
    file: File,
    /// Whether the last line may have been cut short.
    is_torn: bool,
}

impl FileSink {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// When it cannot be opened for appending.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        // A program that stopped in the middle of a line may have written the file before.
        let file = open(&path)?;
        let is_torn = !ends_with_a_line(&path)?;
        Ok(Self { path, file, is_torn })
    }

    fn follow(&mut self) -> io::Result<()> {
        if !is_same(&self.path, &self.file) {
            self.file = open(&self.path)?;
            self.is_torn = !ends_with_a_line(&self.path)?;
        }
        Ok(())
    }
}

impl Sink for FileSink {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        self.follow()?;
        let start = if self.is_torn { "\n" } else { "" };
        // In one call, so that several programs can append to one file.
        let line = format!("{start}{}\n", serde_json::to_string(record)?);
        self.is_torn = true;
        self.file.write_all(line.as_bytes())?;
        self.is_torn = false;
        Ok(())
    }
}

impl fmt::Debug for FileSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSink").field("path", &self.path).finish_non_exhaustive()
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether the file at the path is the one that is open.
#[cfg(unix)]
fn is_same(path: &Path, open: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let name = |file: io::Result<fs::Metadata>| file.ok().map(|file| (file.dev(), file.ino()));
    let there = name(fs::metadata(path));
    there.is_some() && there == name(open.metadata())
}

/// Whether there is a file at the path. Which one, cannot be told here; elsewhere an open file is seldom moved.
#[cfg(not(unix))]
fn is_same(path: &Path, _: &File) -> bool {
    fs::metadata(path).is_ok()
}

fn ends_with_a_line(path: &Path) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() || file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
