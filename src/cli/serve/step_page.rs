//! The step page, as the settings have it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{error::Result, step_page::StepPages};

/// With this section, even an empty one, the endpoints serve the page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepPageSection {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    logo: Option<String>,
    /// CSS variables.
    #[serde(default)]
    light: BTreeMap<String, String>,
    #[serde(default)]
    dark: BTreeMap<String, String>,
    /// A folder with a Fluent file for each language.
    #[serde(default)]
    languages: Option<PathBuf>,
    #[serde(default)]
    return_origins: Vec<String>,
    #[serde(default)]
    report_violations_to: Option<String>,
}

impl StepPageSection {
    /// Puts the pages together; the files that it names are in `folder`.
    pub(super) fn pages(self, folder: &Path) -> Result<StepPages> {
        let mut builder = StepPages::builder();
        if let Some(name) = self.name {
            builder = builder.name(name);
        }
        if let Some(logo) = self.logo {
            builder = builder.logo(logo);
        }
        if let Some(url) = self.report_violations_to {
            builder = builder.report_violations_to(url);
        }
        if let Some(languages) = self.languages {
            builder = builder.languages_in(folder.join(languages))?;
        }
        builder = self.light.into_iter().fold(builder, |builder, (name, value)| builder.variable(name, value));
        builder = self.dark.into_iter().fold(builder, |builder, (name, value)| builder.dark_variable(name, value));
        self.return_origins.into_iter().fold(builder, |builder, origin| builder.return_origin(origin)).build()
    }
}
