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
            @for (region, code) in REGIONS.iter() {
                option value=(region.as_str()) selected[words.region() == Some(*region)] data-code=(code) {
                    (region.as_str()) " +" (code)
                }
            }
        }
        label for="phone" { (words.say("label-phone")) }
        input #phone name="phone" type="tel" autocomplete="tel" inputmode="tel" required maxlength="64" dir="ltr" autofocus
            aria-invalid=[described_by.map(|_| "true")]
            aria-describedby=(described_by.map_or("phone-hint".to_owned(), |id| format!("{id} phone-hint")));
        p.small #phone-hint { (words.say("hint-phone")) }
    }
}

static REGIONS: LazyLock<Vec<(Region, u16)>> = LazyLock::new(Region::all);
