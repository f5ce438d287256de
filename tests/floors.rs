//! What CONTRIBUTING.md says of the source is true: a module imports only from floors below its own, and a provider stays small.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_import_goes_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let floors = floors(&fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap());
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in sources(&root.join("src")) {
        let Some(module) = module_of(&root.join("src"), &file) else { continue };
        let floor = *floors.get(&module).unwrap_or_else(|| panic!("`{module}` stands on no floor of CONTRIBUTING.md"));
        seen.insert(module.clone());
        for used in imports(&production(&fs::read_to_string(&file).unwrap())) {
            let below = floors.get(&used).is_some_and(|used| *used < floor);
            if used != module && floors.contains_key(&used) && !below {
                wrong.push(format!("{}: imports `{used}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(seen, floors.into_keys().collect(), "CONTRIBUTING.md and src/ name different modules");
}

#[test]
fn no_folder_of_a_provider_has_more_than_600_lines() {
    let providers = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/provider");
    let folders = fs::read_dir(providers).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let lines = folders.map(|folder| {
        let files = sources(&folder).into_iter().filter(|file| !file.ends_with("tests.rs"));
        let lines: usize = files.map(|file| before_tests(&fs::read_to_string(file).unwrap())).sum();
        (folder.file_name().unwrap().to_str().unwrap().to_owned(), lines)
    });
    let lines: BTreeMap<String, usize> = lines.collect();
    assert!(lines.contains_key("numcheck") && lines.values().all(|lines| (1..=600).contains(lines)), "{lines:#?}");
}

/// How many lines of a file are not its tests, which stand at its end.
fn before_tests(source: &str) -> usize {
    source.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

/// The numbered lines of the block: `2  check, policy`.
fn floors(page: &str) -> BTreeMap<String, u8> {
    let numbered = page.lines().filter_map(|line| {
        let (number, names) = line.split_once("  ")?;
        Some((number.parse::<u8>().ok()?, names))
    });
    numbered.flat_map(|(number, names)| names.split(',').map(move |name| (name.trim().to_owned(), number))).collect()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The top-level module that a file belongs to; `lib.rs` belongs to none.
fn module_of(src: &Path, file: &Path) -> Option<String> {
    let first = file.strip_prefix(src).unwrap().components().next().unwrap().as_os_str().to_str().unwrap();
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib").then(|| name.to_owned())
}

/// The source without its tests and comments.
fn production(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules named right behind `crate::`, in groups as well.
fn imports(source: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for after in source.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            found.insert(word(after));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for c in group.chars() {
            match c {
                '}' if depth == 0 => break,
                ',' if depth == 0 => {
                    found.insert(word(item.trim()));
                    item.clear();
                    continue;
                }
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            item.push(c);
        }
        found.insert(word(item.trim()));
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn imports_are_found_in_groups_and_alone() {
    let source = "use crate::{\n    error::{Error, Result},\n    ids::Subject,\n};\nfn f() { crate::phone::x() }";
    assert_eq!(imports(source), ["error", "ids", "phone"].map(str::to_owned).into());
}
