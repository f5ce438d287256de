//! The hot path: is what was typed the code of this check?
//!
//! A code is kept only as a keyed hash over the check id, the action and the binding, so a copy of the store tells no
//! code and a code of one check fits no other. What a person types is brought to digits, hashed once, and compared with
//! every accepted form in constant time; for a check that does not exist the same work is done on nothing.

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::keys::{Digest, Keys};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    phone::PhoneNumber,
    secret::Code,
};

/// What the person is expected to type, and what counts as the same.
#[derive(Clone, Debug)]
pub struct Expected {
    code: Code,
    /// The whole number of a flash call's caller: as it is dialled from abroad, and as it is written in its country.
    caller: Option<[Code; 2]>,
}

impl Expected {
    /// A code that a message carries.
    #[must_use]
    pub fn code(code: Code) -> Self {
        Self { code, caller: None }
    }

    /// The last `digits` digits of the number that a call comes from. The whole number, international or national, is
    /// accepted as well, since that is what the person sees.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the caller's number has not so many digits, or more than E.164 allows.
    pub fn caller_id(caller: &str, digits: u8) -> Result<Self> {
        let unusable =
            |source| Error::new(ErrorKind::Unavailable, "the caller's number cannot be used").with_source(source);
        let tail = caller.len().checked_sub(usize::from(digits)).and_then(|start| caller.get(start..));
        let code = Code::new(tail.unwrap_or_default()).map_err(unusable)?;
        let whole = Code::new(caller).map_err(unusable)?;
        let national = PhoneNumber::parse(&format!("+{caller}"), None)
            .ok()
            .and_then(|phone| caller.strip_prefix(&phone.country_code().to_string()))
            .and_then(|national| Code::new(national).ok());
        Ok(Self { code, caller: Some([whole.clone(), national.unwrap_or(whole)]) })
    }

    /// The code itself.
    #[must_use]
    pub fn digits(&self) -> &Code {
        &self.code
    }
}

/// The accepted forms of a code as a store keeps them.
#[derive(Clone, Debug)]
pub struct CodeMacs([Digest; 3]);

impl CodeMacs {
    /// Hashes the accepted forms for one check. `context` stands for its action and binding.
    pub(crate) fn of(keys: &Keys, id: &CheckId, context: &Digest, expected: &Expected) -> Self {
        let [whole, national] = match &expected.caller {
            Some(caller) => caller.each_ref(),
            None => [&expected.code; 2],
        };
        Self([&expected.code, whole, national].map(|form| keys.code(id, context, form.expose().as_bytes())))
    }

    /// How long their bytes are.
    pub(crate) const BYTES: usize = 48;

    pub(crate) fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes.chunks_exact_mut(16).zip(&self.0).for_each(|(place, mac)| place.copy_from_slice(mac));
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut macs = [[0; 16]; 3];
        macs.iter_mut().zip(bytes.chunks_exact(16)).for_each(|(mac, bytes)| mac.copy_from_slice(bytes));
        Self(macs)
    }

    /// Whether `typed` is one of the forms, in a time that does not depend on the answer.
    pub(crate) fn matches(&self, keys: &Keys, id: &CheckId, context: &Digest, typed: &TypedCode) -> bool {
        let mac = keys.code(id, context, typed.0.as_bytes());
        self.0.iter().fold(Choice::from(0), |any, form| any | form.ct_eq(&mac)).into()
    }

    /// Does the work of [`matches`](Self::matches) where there is nothing to compare with.
    pub(crate) fn matches_nothing(keys: &Keys, id: &CheckId, typed: &TypedCode) {
        std::hint::black_box(Self([[0; 16]; 3]).matches(keys, id, &[0; 16], typed));
    }
}

/// What a person typed, brought to digits. Never empty.
#[derive(Debug)]
pub(crate) struct TypedCode(Zeroizing<String>);

impl TypedCode {
    /// Drops the spaces, dashes, dots, brackets and the international prefix that people write in numbers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the text is too long, holds anything else, or leaves no digits or too many. Nothing
    /// is looked up for such a text, and no attempt is spent.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let text = text.trim_matches(' ');
        if text.len() > Self::MAX_INPUT {
            return Err(untypable());
        }
        let digits = text.strip_prefix('+').unwrap_or(text);
        let mut typed = Zeroizing::new(String::with_capacity(Self::MAX_INPUT));
        typed.extend(digits.chars().filter(|c| !" -.()\u{a0}".contains(*c)));
        // `00` in front of a whole number is the international prefix; in front of a short code it belongs to the code.
        if typed.len() > 10 && typed.starts_with("00") {
            typed.drain(..2);
        }
        Code::new(typed.as_str()).map_err(|_| untypable())?;
        Ok(Self(typed))
    }

    /// The digits, for a provider that judges codes itself.
    pub(crate) fn to_code(&self) -> Result<Code> {
        Code::new(self.0.as_str())
    }

    const MAX_INPUT: usize = 32;
}

fn untypable() -> Error {
    Error::new(ErrorKind::InvalidInput, "type the digits of the code; spaces and dashes do not matter")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::ServerKey;

    struct Case {
        keys: Keys,
        id: CheckId,
        context: Digest,
        macs: CodeMacs,
    }

    impl Case {
        fn new(expected: &Expected) -> Self {
            let keys = Keys::derive(&ServerKey::random().unwrap());
            let id = CheckId::random().unwrap();
            let context = keys.name("context", &[b"transfer"]);
            let macs = CodeMacs::of(&keys, &id, &context, expected);
            Self { keys, id, context, macs }
        }

        fn accepts(&self, text: &str) -> bool {
            TypedCode::parse(text).is_ok_and(|typed| self.macs.matches(&self.keys, &self.id, &self.context, &typed))
        }
    }

    #[test]
    fn a_message_code_is_accepted_as_people_type_it() {
        let case = Case::new(&Expected::code(Code::new("004218").unwrap()));
        for text in ["004218", "004 218", " 004-218 ", "00.42.18"] {
            assert!(case.accepts(text), "{text}");
        }
        for text in ["004219", "4218", "0004218", "42180", "", " ", "004218x", "００４２１８", "+", "004218\n"] {
            assert!(!case.accepts(text), "{text}");
        }
    }

    #[test]
    fn a_flash_call_is_accepted_by_its_last_digits_or_the_whole_caller_number() {
        let case = Case::new(&Expected::caller_id("37166004953", 4).unwrap());
        for text in ["4953", "49 53", "+371 66 004 953", "0037166004953", "37166004953", "66004953", "66 004-953"] {
            assert!(case.accepts(text), "{text}");
        }
        // Nothing looser: the right last digits of another number are not the caller's number.
        for text in ["04953", "004953", "+37166104953", "6004953", "953", "4954", "99999994953"] {
            assert!(!case.accepts(text), "{text}");
        }
    }

    #[test]
    fn leading_zeros_of_a_callers_ending_count() {
        let case = Case::new(&Expected::caller_id("37166000042", 4).unwrap());
        assert!(case.accepts("0042"));
        assert!(!case.accepts("42"));
    }

    #[test]
    fn a_callers_number_that_is_too_short_or_no_number_is_refused() {
        for caller in ["", "123", "anonymous", "+37166004953", "1234567890123456"] {
            assert!(Expected::caller_id(caller, 4).is_err(), "{caller}");
        }
    }

    #[test]
    fn a11_a_code_fits_its_own_check_action_and_binding_only() {
        let expected = Expected::code(Code::new("123456").unwrap());
        let case = Case::new(&expected);
        let typed = TypedCode::parse("123456").unwrap();
        let other_id = CheckId::random().unwrap();
        let other_context = case.keys.name("context", &[b"transfer", b"another payee"]);
        assert!(!case.macs.matches(&case.keys, &other_id, &case.context, &typed));
        assert!(!case.macs.matches(&case.keys, &case.id, &other_context, &typed));
    }

    proptest! {
        #[test]
        fn a7_any_text_is_refused_or_becomes_digits(text in any::<String>()) {
            if let Ok(typed) = TypedCode::parse(&text) {
                prop_assert!((1..=15).contains(&typed.0.len()));
                prop_assert!(typed.0.bytes().all(|b| b.is_ascii_digit()));
            }
        }

        #[test]
        fn only_the_code_matches(code in "[0-9]{4,10}", guess in "[0-9]{4,10}") {
            let case = Case::new(&Expected::code(Code::new(&*code).unwrap()));
            prop_assert!(case.accepts(&code));
            prop_assert_eq!(case.accepts(&guess), code == guess);
        }
    }
}
