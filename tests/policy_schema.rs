//! The schema that editors get, held to the policies that there are: what loads fits it, and what has another form does not.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use boon::{Compiler, SchemaIndex, Schemas};
use handset::cli::{self, Exit};
use serde_json::Value;

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn printed() -> Self {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(cli::run(["handset", "policy", "schema"], &mut out, &mut err), Exit::Fine);
        let schema: Value = serde_json::from_slice(&out).unwrap();
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("policy.json", schema).unwrap();
        let index = compiler.compile("policy.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, index }
    }

    /// Why a file does not fit, if it does not. `None` of a file that is no TOML.
    fn check(&self, file: &Path) -> Option<Result<(), String>> {
        let table: toml::Table = fs::read_to_string(file).unwrap().parse().ok()?;
        let policy = in_json(toml::Value::Table(table));
        Some(self.schemas.validate(&policy, self.index).map_err(|error| format!("{error:#}")))
    }
}

/// As editors see TOML: a time is text.
fn in_json(value: toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, in_json(value))).collect(),
        toml::Value::Array(list) => list.into_iter().map(in_json).collect(),
        toml::Value::Datetime(time) => time.to_string().into(),
        other => serde_json::to_value(other).unwrap(),
    }
}

fn policies(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "toml") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

#[test]
fn whatever_loads_fits() {
    let schema = Schema::printed();
    let all: Vec<_> = ["examples", "tests/policy"].into_iter().flat_map(policies).collect();
    let good: Vec<_> = all.iter().filter(|file| !file.components().any(|part| part.as_os_str() == "bad")).collect();
    assert!(good.len() > 200, "{} files", good.len());
    for file in good {
        let fits = schema.check(file).unwrap_or_else(|| panic!("{} is no TOML", file.display()));
        assert!(fits.is_ok(), "{}: {}", file.display(), fits.unwrap_err());
    }
}

/// What fits all the same is listed: faults of meaning, which only the whole file shows.
#[test]
fn what_has_another_form_does_not_fit() {
    let schema = Schema::printed();
    let bad = policies("tests/policy/bad");
    let fits = |file: &&PathBuf| schema.check(file).is_some_and(|fits| fits.is_ok());
    let fitting: Vec<_> = bad.iter().filter(fits).map(|file| file.file_stem().unwrap().to_string_lossy()).collect();
    insta::assert_snapshot!(fitting.join("\n"));
}
