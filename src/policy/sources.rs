//! The texts that a policy is made of. The one place of this module that reads files.

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::file;

/// A policy file and the files beside it that it names: what it includes, its lists, its shadow.
///
/// Paths in a policy are relative to the file that they stand in, with `/` between folders, and lead to files beside the
/// policy or below: no `..`, no path from the root. A symbolic link is followed, since whoever can make one beside a
/// policy can write the policy.
///
/// ```
/// use handset::policy::{Policy, Sources};
/// use handset::provider::registry;
///
/// let sources = Sources::new("policy.toml", r#"
///     version = 1
///     include = ["common/deny.toml"]
///     [[route]]
///     name = "everybody else"
///     try = ["numcheck/flash_call"]
/// "#)
/// .with("common/deny.toml", r#"
///     [[route]]
///     name = "dear numbers"
///     when = { "phone.type" = "premium_rate" }
///     deny = "number_type"
/// "#);
/// let policy = Policy::compile(&sources, &registry::catalogue())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Sources {
    /// The first one is the policy.
    files: Vec<Source>,
}

#[derive(Clone)]
struct Source {
    /// What it is called in errors.
    name: String,
    /// Where it is, seen from the folder of the policy.
    path: String,
    /// Its text, or why there is none.
    text: Result<String, String>,
    /// Where its lines end.
    ends: Vec<usize>,
}

impl Source {
    fn new(name: String, path: String, text: Result<String, String>) -> Self {
        let ends = text.iter().flat_map(|text| text.match_indices('\n')).map(|(end, _)| end).collect();
        Self { name, path, text, ends }
    }
}

impl Sources {
    /// A policy as text. `name` is what faults are said to be in.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let name = name.into();
        let path = Path::new(&name).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { files: vec![Source::new(name, path, Ok(text.into()))] }
    }

    /// Adds a file that the policy names, by its path as seen from the folder of the policy. One of the same path is replaced, but
    /// for the policy itself.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, text: impl Into<String>) -> Self {
        self.add(path.into(), Ok(text.into()));
        self
    }

    /// Reads a policy and every file that it names. What cannot be read is told when the policy is compiled, at the place
    /// that names it.
    ///
    /// # Errors
    ///
    /// When the policy itself cannot be read.
    pub fn read(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let mut sources = Self::new(path.display().to_string(), read(path, Self::MAX_POLICY)?);
        let mut position = 0;
        while let Some(source) = sources.files.get(position) {
            for (written, most) in source.text.as_deref().map(file::mentions).unwrap_or_default() {
                let Some(beside) = sources.beside(position, &written) else { continue };
                if sources.find(&beside).is_some() || sources.files.len() >= Self::MAX_FILES {
                    continue;
                }
                let text = read(&folder.join(PathBuf::from_iter(beside.split('/'))), most);
                sources.add(beside, text.map_err(|error| error.to_string()));
            }
            position += 1;
        }
        Ok(sources)
    }

    fn add(&mut self, path: String, text: Result<String, String>) {
        let main = self.files.first().map(|main| Path::new(&main.name));
        let name =
            main.and_then(Path::parent).map_or_else(|| path.clone(), |folder| folder.join(&path).display().to_string());
        if self.files.first().is_some_and(|main| main.path == path) {
            return;
        }
        self.files.retain(|known| known.path != path);
        self.files.push(Source::new(name, path, text));
    }

    /// Whether the same files have the same texts, wherever they are.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let is_same = |(a, b): (&Source, &Source)| (&a.path, &a.text) == (&b.path, &b.text);
        self.files.len() == other.files.len() && self.files.iter().zip(&other.files).all(is_same)
    }

    /// The paths of the files, as seen from the folder of the policy, which is the first one.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }

    /// The position of a file by its path, as seen from the folder of the policy.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.files.iter().position(|source| source.path == path)
    }

    /// The path of a file that is named in another one, as seen from the folder of the policy; `None` when it leads elsewhere.
    pub(super) fn beside(&self, naming: usize, written: &str) -> Option<String> {
        let strange = |c: char| c.is_control() || matches!(c, '\\' | ':');
        let inside = Path::new(written).components().all(|component| matches!(component, Component::Normal(_)));
        let whole = written.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if written.len() > 255 || written.contains(strange) || !inside || !whole {
            return None;
        }
        let folder = self.files.get(naming).and_then(|source| source.path.rsplit_once('/'));
        Some(folder.map_or_else(|| written.to_owned(), |(folder, _)| format!("{folder}/{written}")))
    }

    /// What a file is called in errors.
    pub(super) fn name(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |source| &source.name)
    }

    /// The text of a file; empty when there is none.
    pub(super) fn text(&self, file: usize) -> &str {
        self.files.get(file).and_then(|source| source.text.as_deref().ok()).unwrap_or_default()
    }

    /// Why a file has no text.
    pub(super) fn trouble(&self, file: usize) -> Option<&str> {
        self.files.get(file)?.text.as_ref().err().map(String::as_str)
    }

    /// The line of a place in a file, from 1.
    pub(super) fn line(&self, file: usize, offset: usize) -> usize {
        self.files.get(file).map_or(0, |source| source.ends.partition_point(|end| *end < offset)) + 1
    }

    /// Names the texts of some files among others: half of a SHA-256, as 32 hexadecimal digits. Of one file it is that of
    /// its text, so that `sha256sum` finds it.
    pub(super) fn hash(&self, files: &[usize]) -> String {
        let mut hasher = Sha256::new();
        for (position, file) in files.iter().enumerate() {
            if position > 0 {
                // Lengths keep apart what another cut between the files would make the same.
                let path = self.files.get(*file).map_or("", |source| &source.path);
                hasher.update(format!("\0{}\0{path}\0{}\0", path.len(), self.text(*file).len()));
            }
            hasher.update(self.text(*file));
        }
        hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The longest policy or included file that is read, in bytes.
    pub const MAX_POLICY: usize = 1024 * 1024;

    /// The longest file of a list that is read, in bytes.
    pub const MAX_LIST: usize = 8 * 1024 * 1024;

    /// How many files are read for one policy.
    pub const MAX_FILES: usize = 64;
}

/// Shows which files there are.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.iter().map(|source| &source.name)).finish()
    }
}

fn read(path: &Path, most: usize) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no ordinary file"));
    }
    let mut text = String::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)?.take(limit).read_to_string(&mut text)?;
    if text.len() > most {
        let message = format!("it is longer than {} KiB", most / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_nowhere_else() {
        let sources = Sources::new("conf/policy.toml", "").with("teams/pay.toml", "");
        for (naming, written, expected) in [
            (0, "a.toml", Some("a.toml")),
            (0, "teams/a.toml", Some("teams/a.toml")),
            (1, "a.toml", Some("teams/a.toml")),
            (1, "lists/a.txt", Some("teams/lists/a.txt")),
            (0, "", None),
            (0, "/etc/passwd", None),
            (0, "..", None),
            (0, "../a.toml", None),
            (1, "../a.toml", None),
            (0, "a/../../b", None),
            (0, "./a.toml", None),
            (0, "a//b", None),
            (0, "a/", None),
            (0, "c:\\a.toml", None),
            (0, "c:a.toml", None),
            (0, "a\0b", None),
        ] {
            assert_eq!(sources.beside(naming, written).as_deref(), expected, "{written}");
        }
        assert_eq!(sources.name(1), "conf/teams/pay.toml");
        let again = sources.with("teams/pay.toml", "new").with("policy.toml", "other");
        assert_eq!((again.files.len(), again.text(0), again.text(1)), (2, "", "new"));
    }

    #[test]
    fn the_hash_tells_files_apart() {
        let of = |first: &str, second: &str| Sources::new("p", first).with("q", second).hash(&[0, 1]);
        assert_ne!(of("ab", "c"), of("a", "bc"));
        assert_eq!(Sources::new("p", "abc").hash(&[0]), "ba7816bf8f01cfea414140de5dae2223");
    }
}
