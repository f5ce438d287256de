//! Where on the screen of a phone the digits stand.

use maud::{Markup, html};

/// A phone that rings, on whose screen the last digits of the caller's number are marked.
pub(super) fn caller(length: u8, described: &str) -> Markup {
    let marked = usize::from(length).min(MOST_MARKED);
    // The digits end at the right edge of the screen, as they do on phones.
    let from = RIGHT - marked * STEP;
    let others = DIGITS - marked;
    html! {
        svg.picture viewBox="0 0 240 148" role="img" aria-label=(described) {
            path.case d="M38 148V30a18 18 0 0 1 18-18h128a18 18 0 0 1 18 18v118z" {}
            path.screen d="M46 148V34a12 12 0 0 1 12-12h124a12 12 0 0 1 12 12v114z" {}
            rect.case x="104" y="26" width="32" height="5" rx="2.5" {}
            text.plus x=(from - 20 - others * 11) y="71" { "+" }
            @for place in 0..others {
                circle.digit cx=(from - 8 - place * 11) cy="66" r="3" {}
            }
            @for place in 0..marked {
                rect.last x=(from + place * STEP + 1) y="54" width="12" height="24" rx="3" {}
                circle.dot cx=(from + place * STEP + 7) cy="66" r="3" {}
            }
            circle.decline cx="88" cy="116" r="16" {}
            circle.answer cx="152" cy="116" r="16" {}
            path.glyph d="M81 119q7-7 14 0M145 119q7-7 14 0" {}
        }
    }
}

/// Where the last digit ends.
const RIGHT: usize = 186;

/// From one marked digit to the next.
const STEP: usize = 14;

/// As many as have room, beside those that are not marked.
const MOST_MARKED: usize = 6;
const DIGITS: usize = 9;
