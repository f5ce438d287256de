//! What a run has measured, by name.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use serde_json::Value;

/// Nanoseconds, or whatever else a name stands for.
pub(crate) struct Measured(BTreeMap<String, f64>);

impl Measured {
    pub(crate) fn read(criterion: &Path, others: &Path) -> Result<Self, Box<dyn Error>> {
        let mut found = BTreeMap::new();
        walk(criterion, &mut found)?;
        if found.is_empty() {
            return Err(format!("nothing is measured below {}: run scripts/bench", criterion.display()).into());
        }
        for line in fs::read_to_string(others)?.lines() {
            let line: Value = serde_json::from_str(line).map_err(|error| format!("{}: {error}", others.display()))?;
            let (name, value) = (line["name"].as_str(), line["value"].as_f64());
            let (name, value) = name.zip(value).ok_or_else(|| format!("neither name nor value in {line}"))?;
            found.insert(name.to_owned(), value);
        }
        Ok(Self(found))
    }

    /// What was measured under a name, if it was.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The sum of several; nothing when one is missing.
    pub(crate) fn sum(&self, names: &[&str]) -> Option<f64> {
        names.iter().map(|name| self.get(name)).sum()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// The medians that criterion has written, by the full names of the benchmarks.
fn walk(folder: &Path, found: &mut BTreeMap<String, f64>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        if !path.ends_with("new") {
            walk(&path, found)?;
            continue;
        }
        let read = |name: &str| -> Result<Value, Box<dyn Error>> {
            Ok(serde_json::from_str(&fs::read_to_string(path.join(name))?)?)
        };
        let (benchmark, estimates) = (read("benchmark.json")?, read("estimates.json")?);
        let name = benchmark["full_id"].as_str().ok_or("a benchmark without a name")?;
        let median = estimates["median"]["point_estimate"].as_f64().ok_or("a benchmark without a median")?;
        found.insert(name.to_owned(), median);
    }
    Ok(())
}
