//! Where secrets are: in the environment or in files of their own, and never among the settings.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use toml::de::DeValue;
use zeroize::Zeroizing;

/// Fetches what settings refer to.
pub(super) struct Secrets<'e> {
    /// What the paths of files are relative to.
    folder: PathBuf,
    environment: &'e dyn Fn(&str) -> Option<String>,
}

impl<'e> Secrets<'e> {
    pub(super) fn new(folder: PathBuf, environment: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self { folder, environment }
    }

    /// The secret that `{ env = "NAME" }` or `{ file = "path" }` refers to. No error shows what stands there.
    pub(super) fn fetch(&self, reference: &DeValue<'_>) -> Result<Zeroizing<String>, String> {
        let DeValue::Table(table) = reference else { return Err(format!("a secret does not stand here; {WRITE}")) };
        let mut pairs = table.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref()));
        match (pairs.next(), pairs.next()) {
            (Some(("env", DeValue::String(name))), None) => match (self.environment)(name) {
                Some(secret) if !secret.is_empty() => Ok(secret.into()),
                _ => Err(format!("the environment has no variable `{name}`, or it is empty or no text; set it")),
            },
            (Some(("file", DeValue::String(path))), None) => {
                let path = self.folder.join(Path::new(path.as_ref()));
                read(&path).map_err(|why| format!("the file `{}` {why}", path.display()))
            }
            _ => Err(WRITE.to_owned()),
        }
    }
}

/// The text of a file, less the line break at its end.
fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let cannot = |source: io::Error| format!("cannot be read: {source}");
    let file = File::open(path).map_err(cannot)?;
    refuse_if_open_to_all(&file)?;
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text).map_err(cannot)?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err("is empty; write the secret into it".to_owned());
    }
    Ok(secret.to_owned().into())
}

#[cfg(unix)]
fn refuse_if_open_to_all(file: &File) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = file.metadata().map_err(|source| format!("cannot be looked at: {source}"))?;
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_file() && mode & 0o007 != 0 {
        return Err(format!(
            "is open to everybody on this machine (mode {mode:04o}); make it `chmod 600`, or 640 with a group"
        ));
    }
    Ok(())
}

/// Who may read a file is told in other ways elsewhere.
#[cfg(not(unix))]
fn refuse_if_open_to_all(_: &File) -> Result<(), String> {
    Ok(())
}

const WRITE: &str = "write `{ env = \"NAME\" }` for a variable of the environment, or `{ file = \"path\" }` for a file";

/// Longer than any key.
const LONGEST: u64 = 64 * 1024;
