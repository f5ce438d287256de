//! What the page says, in the language of the person: Fluent files, ours and those of the application.

mod file;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use http::{HeaderMap, header::ACCEPT_LANGUAGE};
use unic_langid::{CharacterDirection, LanguageIdentifier};

use self::file::Messages;
use crate::{
    error::{Error, ErrorKind, Result},
    phone::Region,
};

pub(super) use file::Source;

/// Every language that the page speaks, by its tag in lower case.
#[derive(Clone)]
pub(super) struct Languages(BTreeMap<String, Arc<Language>>);

/// One language, with all of its messages.
struct Language {
    tag: LanguageIdentifier,
    bundle: FluentBundle<FluentResource>,
}

/// The language of one person.
#[derive(Clone)]
pub(crate) struct Words {
    language: Option<Arc<Language>>,
    /// Where the person is, as far as the language that they ask for says it.
    region: Option<Region>,
}

impl Languages {
    /// Our languages, with what the application says otherwise and those that it adds.
    pub(super) fn load(more: &[Source]) -> Result<Self> {
        let ours = OURS.map(|(tag, text)| Source::new(tag, format!("{tag}.ftl"), text));
        let all = ours.iter().map(Source::messages).next().transpose()?.unwrap_or_default();
        let mut files: BTreeMap<String, (LanguageIdentifier, Vec<&Source>)> = BTreeMap::new();
        for source in ours.iter().chain(more) {
            let tag = source.tag()?;
            files.entry(tag.to_string().to_lowercase()).or_insert_with(|| (tag, Vec::new())).1.push(source);
        }
        let load = |(key, (tag, files))| Ok((key, Arc::new(Language::load(tag, files, &all)?)));
        Ok(Self(files.into_iter().map(load).collect::<Result<_>>()?))
    }

    /// The language that is asked for first and spoken here: by `tags`, then by `Accept-Language`, and else English.
    pub(super) fn choose(&self, tags: &[Option<&str>], headers: &HeaderMap) -> Words {
        let accepted = accepted(headers);
        let asked = tags.iter().copied().flatten().chain(accepted.iter().copied());
        let asked: Vec<LanguageIdentifier> = asked.filter_map(|tag| tag.parse().ok()).collect();
        let language = asked.iter().find_map(|tag| self.speaks(tag)).or_else(|| self.0.get("en"));
        let region = asked.iter().find_map(|tag| tag.region.as_ref()?.as_str().parse().ok());
        Words { language: language.cloned(), region }
    }

    /// The language itself, or that of no region.
    fn speaks(&self, tag: &LanguageIdentifier) -> Option<&Arc<Language>> {
        let whole = self.0.get(&tag.to_string().to_lowercase());
        whole.or_else(|| self.0.get(tag.language.as_str()))
    }
}

impl Language {
    /// Later files say otherwise than earlier ones; together they say everything.
    fn load(tag: LanguageIdentifier, files: Vec<&Source>, all: &Messages) -> Result<Self> {
        let mut bundle = FluentBundle::new_concurrent(vec![tag.clone()]);
        // Marks around what is put in keep a number or a name from turning the text around it.
        bundle.set_use_isolating(tag.character_direction() == CharacterDirection::RTL);
        let mut said = BTreeSet::new();
        for file in files {
            said.extend(file.messages_among(all)?.into_keys());
            bundle.add_resource_overriding(file.resource()?);
        }
        match all.keys().find(|id| !said.contains(*id)) {
            None => Ok(Self { tag, bundle }),
            Some(id) => {
                let message = format!("the language `{tag}` has no message `{id}`; add it to its file");
                Err(Error::new(ErrorKind::Misconfigured, message))
            }
        }
    }
}

impl Words {
    /// A message without variables.
    pub(crate) fn say(&self, id: &str) -> String {
        self.say_with(id, [])
    }

    /// A message with its variables.
    pub(crate) fn say_with<'v, const N: usize>(&self, id: &str, variables: [(&str, FluentValue<'v>); N]) -> String {
        let Some(language) = &self.language else { return String::new() };
        // INVARIANT: a language is loaded only with every message.
        let message = language.bundle.get_message(id).and_then(|message| message.value());
        let Some(pattern) = message else {
            debug_assert!(false, "there is no message `{id}`");
            return String::new();
        };
        let variables: FluentArgs<'_> = variables.into_iter().collect();
        language.bundle.format_pattern(pattern, Some(&variables), &mut Vec::new()).into_owned()
    }

    pub(crate) fn tag(&self) -> String {
        self.language.as_ref().map(|language| language.tag.to_string()).unwrap_or_default()
    }

    pub(super) fn direction(&self) -> &'static str {
        match self.language.as_ref().map(|language| language.tag.character_direction()) {
            Some(CharacterDirection::RTL) => "rtl",
            _ => "ltr",
        }
    }

    pub(super) fn region(&self) -> Option<Region> {
        self.region
    }
}

/// The tags of `Accept-Language`, the most welcome first (RFC 9110, section 12.5.4).
fn accepted(headers: &HeaderMap) -> Vec<&str> {
    let lines = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    let mut tags: Vec<(u16, &str)> =
        lines.flat_map(|line| line.split(',')).take(MOST_TAGS).filter_map(welcome).collect();
    tags.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    tags.into_iter().map(|(_, tag)| tag).collect()
}

/// A tag and how welcome it is, in thousandths; nothing for one that is not.
fn welcome(range: &str) -> Option<(u16, &str)> {
    let (tag, parameter) = range.split_once(';').unwrap_or((range, "q=1"));
    let weight: f32 = parameter.trim().strip_prefix("q=")?.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    let thousandths = (weight.clamp(0.0, 1.0) * 1000.0) as u16;
    (thousandths > 0).then_some((thousandths, tag.trim()))
}

/// Browsers send a handful.
const MOST_TAGS: usize = 16;

/// English first: it says which messages there are.
const OURS: [(&str, &str); 9] = [
    ("en", include_str!("en.ftl")),
    ("ar", include_str!("ar.ftl")),
    ("de", include_str!("de.ftl")),
    ("es", include_str!("es.ftl")),
    ("fr", include_str!("fr.ftl")),
    ("id", include_str!("id.ftl")),
    ("pl", include_str!("pl.ftl")),
    ("pt", include_str!("pt.ftl")),
    ("uk", include_str!("uk.ftl")),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(tags: &[Option<&str>], accepted: &'static str) -> Words {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, http::HeaderValue::from_static(accepted));
        Languages::load(&[]).unwrap().choose(tags, &headers)
    }

    #[test]
    fn every_language_says_everything_with_the_same_variables() {
        let ours = OURS.map(|(tag, text)| Source::new(tag, tag, text).messages().unwrap());
        let [english, others @ ..] = &ours;
        for (other, (tag, _)) in others.iter().zip(OURS.iter().skip(1)) {
            assert_eq!(english, other, "{tag}");
        }
    }

    #[test]
    fn the_query_goes_before_the_browser_and_english_comes_last() {
        for (tags, accepted, chosen) in [
            ([Some("pl"), Some("de")], "fr", "pl"),
            ([None, Some("de-AT")], "fr", "de"),
            ([None, None], "lv, pt-BR;q=0.8, uk;q=0.9", "uk"),
            ([Some("no tag"), Some("tlh")], "lv, *", "en"),
            ([None, None], "de;q=0, es;q=0.1", "es"),
        ] {
            assert_eq!(words(&tags, accepted).tag(), chosen, "{tags:?} {accepted}");
        }
    }

    #[test]
    fn the_region_and_the_direction_come_with_the_language() {
        assert_eq!(words(&[Some("de-AT")], "fr-FR").region().unwrap().as_str(), "AT");
        assert_eq!(words(&[Some("de")], "fr-FR").region().unwrap().as_str(), "FR");
        assert_eq!((words(&[Some("ar")], "").direction(), words(&[None], "").direction()), ("rtl", "ltr"));
    }

    #[test]
    fn a_count_has_the_plural_of_its_language() {
        let left = |tag, count: u8| words(&[Some(tag)], "").say_with("attempts-left", [("count", count.into())]);
        assert_eq!(left("en", 1), "One attempt is left.");
        assert_ne!(left("pl", 2).replace('2', ""), left("pl", 5).replace('5', ""));
        assert_ne!(left("uk", 3).replace('3', ""), left("uk", 5).replace('5', ""));
        assert_ne!(left("ar", 2), left("ar", 3));
    }

    #[test]
    fn an_application_says_it_otherwise_or_in_another_language() {
        let german = Source::new("de", "de.ftl", "button-start = Los\n");
        let languages = Languages::load(&[german]).unwrap();
        let words = languages.choose(&[Some("de")], &HeaderMap::new());
        assert_eq!(words.say("button-start"), "Los");
        assert!(words.say("button-cancel") != "Cancel" && !words.say("button-cancel").is_empty());
        let english = OURS[0].1.replace("Continue", "Turpināt");
        let languages = Languages::load(&[Source::new("lv", "lv.ftl", english)]).unwrap();
        assert_eq!(languages.choose(&[Some("lv-LV")], &HeaderMap::new()).say("button-start"), "Turpināt");
    }

    #[test]
    fn a_bad_file_is_named_with_its_line() {
        for (tag, text, says) in [
            ("de", "button-start = Los\n\n!\n", "`x.ftl`, line 3"),
            ("de", "button-start = Los\nbutton-stop = Halt\n", "`x.ftl`, line 2: there is no message `button-stop`"),
            ("de", "\nbutton-start = Los { $when }\n", "`x.ftl`, line 2: `button-start` has no variable `$when`"),
            ("lv", "button-start = Sākt\n", "the language `lv` has no message `"),
            ("no tag", "", "`no tag` is no language tag"),
        ] {
            let error = Languages::load(&[Source::new(tag, "x.ftl", text)]).err().unwrap().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
