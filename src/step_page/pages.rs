//! What an application sets of its step pages.

use std::{fmt, fs, path::Path, sync::Arc};

use http::{HeaderMap, Uri};

use super::{
    brand::{self, Brand},
    words::{Languages, Source, Words},
};
use crate::error::{Error, ErrorKind, Result};

/// How the pages of a step look and speak, and where they lead. Cheap to clone.
///
/// ```
/// use handset::step_page::StepPages;
///
/// let pages = StepPages::builder()
///     .name("Example Bank")
///     .logo("/logo.svg")
///     .variable("--accent", "#00695c")
///     .dark_variable("--accent", "#4db6ac")
///     .language("de", "de.ftl", "button-start = Los geht’s")
///     .build()?;
/// # let _ = pages;
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone)]
pub struct StepPages(Arc<Inner>);

struct Inner {
    brand: Brand,
    languages: Languages,
    /// Origins besides this one that a person may be sent back to.
    origins: Vec<String>,
}

/// Builds [`StepPages`].
#[derive(Clone, Default)]
#[must_use]
pub struct Builder {
    name: Option<String>,
    logo: Option<String>,
    reports: Option<String>,
    light: Vec<(String, String)>,
    dark: Vec<(String, String)>,
    sources: Vec<Source>,
    origins: Vec<String>,
}

impl StepPages {
    /// Starts to build them. Nothing has to be set.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn brand(&self) -> &Brand {
        &self.0.brand
    }

    /// The language of a person: of `tags` in their order, then of what the browser says, the first that is spoken.
    pub(crate) fn words(&self, tags: &[Option<&str>], headers: &HeaderMap) -> Words {
        self.0.languages.choose(tags, headers)
    }

    /// The origins besides this one that a person may be sent back to.
    pub(crate) fn origins(&self) -> &[String] {
        &self.0.origins
    }
}

impl Builder {
    /// Who asks, by the name that people know.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The picture in place of the name at the head of the page: a path of this origin, or a `data:image/` URL.
    pub fn logo(mut self, url: impl Into<String>) -> Self {
        self.logo = Some(url.into());
        self
    }

    /// Sets a CSS variable of the page: `--accent`, `--on-accent`, `--page`, `--card`, `--text`, `--quiet`, `--line`, `--alert`,
    /// `--radius` or `--font`.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.light.push((name.into(), value.into()));
        self
    }

    /// The same for people who prefer it dark.
    pub fn dark_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.dark.push((name.into(), value.into()));
        self
    }

    /// Adds the text of a [Fluent](https://projectfluent.org) file. What it says goes before what the page says by itself; of a
    /// language that the page does not speak, it says everything. `file` stands in errors.
    pub fn language(mut self, tag: impl Into<String>, file: impl Into<String>, text: impl Into<String>) -> Self {
        self.sources.push(Source::new(tag, file, text));
        self
    }

    /// Adds the files of a folder that are named by their language, such as `lv.ftl` and `pt-BR.ftl`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the folder or a file cannot be read.
    pub fn languages_in(mut self, folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let unreadable = |path: &Path, source: std::io::Error| {
            let message = format!("`{}` cannot be read", path.display());
            Error::new(ErrorKind::Misconfigured, message).with_source(source)
        };
        for entry in fs::read_dir(folder).map_err(|source| unreadable(folder, source))? {
            let path = entry.map_err(|source| unreadable(folder, source))?.path();
            let tag = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if path.extension().is_some_and(|extension| extension == "ftl") {
                let text = fs::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
                self.sources.push(Source::new(tag, path.display().to_string(), text));
            }
        }
        Ok(self)
    }

    /// Lets the hosted page send people back to another origin than its own, such as `https://app.example.com`.
    pub fn return_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Has browsers report what the page's Content Security Policy has kept from running.
    pub fn report_violations_to(mut self, url: impl Into<String>) -> Self {
        self.reports = Some(url.into());
        self
    }

    /// Checks everything and puts it together.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] with what is wrong: a file of messages by its line, a variable that the page does not have, a
    /// logo of another origin, an origin that is none.
    pub fn build(self) -> Result<StepPages> {
        let mut brand = Brand {
            name: self.name,
            logo: self.logo.map(brand::logo).transpose()?,
            reports: self.reports.map(brand::reports).transpose()?,
            ..Brand::default()
        };
        brand.set(&self.light, false)?;
        brand.set(&self.dark, true)?;
        let origins = self.origins.into_iter().map(origin).collect::<Result<_>>()?;
        Ok(StepPages(Arc::new(Inner { brand, languages: Languages::load(&self.sources)?, origins })))
    }
}

impl fmt::Debug for StepPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepPages").field("brand", &self.0.brand).finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An origin as browsers write it: scheme, host and port, and nothing behind.
fn origin(text: String) -> Result<String> {
    let uri: Option<Uri> = text.parse().ok();
    let is_origin = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("https" | "http"))
            && uri.authority().is_some_and(|host| text.ends_with(host.as_str()) && !host.as_str().contains('@'))
    });
    match is_origin {
        true => Ok(text),
        false => {
            let message = format!("`{text}` is no origin; write one such as `https://app.example.com`");
            Err(Error::new(ErrorKind::Misconfigured, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_a_file_for_each_language() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("de.ftl", "button-start = Los");
        write("README.md", "not read");
        let pages = StepPages::builder().languages_in(folder.path()).unwrap().build().unwrap();
        assert_eq!(pages.words(&[Some("de")], &HeaderMap::new()).say("button-start"), "Los");
        write("pt.ftl", "button-start = Ir\nbutton-stop = Parar");
        let error = StepPages::builder().languages_in(folder.path()).unwrap().build().unwrap_err();
        assert!(error.to_string().contains("pt.ftl`, line 2: there is no message `button-stop`"), "{error}");
        assert!(StepPages::builder().languages_in(folder.path().join("none")).is_err());
    }

    #[test]
    fn an_origin_has_nothing_behind_it() {
        for text in ["https://app.example.com", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(origin(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["app.example.com", "https://app.example.com/", "https://a@b.example", "ftp://a.example", "*"] {
            assert!(origin(text.to_owned()).is_err(), "{text}");
        }
    }
}
