//! What a visitor of the demo can wish for. The server makes an action of it, and the policy decides what becomes of that.

/// A wish. A real app has none of this: it has its actions, and lets the policy choose.
pub(crate) struct Way {
    /// What `policy.toml` calls it.
    pub(crate) action: &'static str,
    label: &'static str,
}

impl Way {
    /// Where the money is moved this way: `/transfer/sms` for `transfer.sms`.
    pub(crate) fn path(&self) -> String {
        format!("/{}", self.action.replace('.', "/"))
    }
}

/// The entries of the page's list.
pub(crate) fn options() -> String {
    WAYS.iter().map(|way| format!(r#"<option value="{}">{}</option>"#, way.path(), way.label)).collect()
}

pub(crate) const WAYS: &[Way] = &[
    Way { action: "transfer", label: "As the policy decides" },
    Way { action: "transfer.numcheck", label: "Flash call by NumCheck" },
    Way { action: "transfer.citcall", label: "Flash call by Citcall" },
    Way { action: "transfer.idlayr", label: "Silently, by IDlayr" },
    Way { action: "transfer.open_gateway", label: "Silently, by Open Gateway" },
    Way { action: "transfer.sms", label: "Text message" },
    Way { action: "transfer.voice_code", label: "Spoken code" },
    Way { action: "transfer.key_press", label: "A key on a call" },
    Way { action: "transfer.email", label: "E-mail" },
];
