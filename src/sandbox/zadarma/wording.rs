//! What the messages say, in the vendor's seven languages. The words are the emulator's own.

/// A language by the vendor's two letters, and its words.
#[derive(Clone, Copy)]
pub(super) struct Wording {
    letters: &'static str,
    your_code: &'static str,
    again: &'static str,
}

impl Wording {
    /// The words of a language; `None` for one that the vendor does not have.
    pub(super) fn of(letters: &str) -> Option<Self> {
        WORDINGS.into_iter().find(|wording| wording.letters == letters)
    }

    /// The language of the account.
    pub(super) fn of_the_account() -> Self {
        ENGLISH
    }

    /// `Your code: 482916`.
    pub(super) fn written(&self, code: &str) -> String {
        format!("{}: {code}", self.your_code)
    }

    /// The same digit by digit, twice.
    pub(super) fn spoken(&self, code: &str) -> String {
        let digits = code.chars().map(String::from).collect::<Vec<_>>().join(" ");
        format!("{}: {digits}. {}: {digits}.", self.your_code, self.again)
    }

    pub(super) fn subject(&self) -> &'static str {
        self.your_code
    }
}

const ENGLISH: Wording = Wording { letters: "en", your_code: "Your code", again: "Once more" };

const WORDINGS: [Wording; 7] = [
    ENGLISH,
    Wording { letters: "es", your_code: "Su código", again: "Otra vez" },
    Wording { letters: "de", your_code: "Ihr Code", again: "Noch einmal" },
    Wording { letters: "pl", your_code: "Twój kod", again: "Jeszcze raz" },
    Wording { letters: "ru", your_code: "Ваш код подтверждения", again: "Ещё раз" },
    Wording { letters: "ua", your_code: "Ваш код підтвердження", again: "Ще раз" },
    Wording { letters: "fr", your_code: "Votre code", again: "Encore une fois" },
];
