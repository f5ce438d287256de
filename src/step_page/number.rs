//! Which number: the country, and the number as people write it there.

use std::sync::LazyLock;

use maud::{Markup, html};

use super::words::Words;
use crate::phone::Region;

/// The fields for a number. A script puts names to the countries in the language of the person.
pub(super) fn fields(words: &Words, described_by: Option<&str>) -> Markup {
    html! {
        label for="region" { (words.say("label-region")) }
        select #region name="region" autocomplete="country" {
            option value="" { (words.say("region-none")) }
            @for Country { region, code, example } in COUNTRIES.iter() {
                option value=(region.as_str()) selected[words.region() == Some(*region)] data-code=(code)
                    data-example=[example.as_ref()] { (region.as_str()) " +" (code) }
            }
        }
        label for="phone" { (words.say("label-phone")) }
        input #phone name="phone" type="tel" autocomplete="tel" inputmode="tel" required maxlength="64" dir="ltr" autofocus
            placeholder=[example(words.region())] aria-invalid=[described_by.map(|_| "true")]
            aria-describedby=(described_by.map_or("phone-hint".to_owned(), |id| format!("{id} phone-hint")));
        p.small #phone-hint { (words.say("hint-phone")) }
    }
}

/// How a number is written there.
fn example(region: Option<Region>) -> Option<&'static String> {
    COUNTRIES.iter().find(|country| Some(country.region) == region)?.example.as_ref()
}

struct Country {
    region: Region,
    code: u16,
    example: Option<String>,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let countries = Region::all().into_iter();
    countries.map(|(region, code)| Country { region, code, example: region.example() }).collect()
});
