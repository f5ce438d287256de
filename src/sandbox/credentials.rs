//! Credentials that stay the same from run to run.

use crate::{
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// What the vendors want their clients to show. A field that is `None` is drawn at random when the sandbox starts.
///
/// Each has 1 to 128 letters, digits and `-._~`, and begins with a letter or digit. They guard nothing: use none that is good
/// anywhere else.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// The user id of the Citcall account, for version 2.
    pub citcall_user_id: Option<Secret>,
    /// The API key of the Citcall account, for both versions.
    pub citcall_api_key: Option<Secret>,
    /// The `client_id` of the IDlayr project.
    pub idlayr_client_id: Option<Secret>,
    /// The `client_secret` of the IDlayr project.
    pub idlayr_client_secret: Option<Secret>,
    /// The secret key of the NumCheck service.
    pub numcheck_token: Option<Secret>,
    /// The `client_id` of the one client of Open Gateway.
    pub open_gateway_client_id: Option<Secret>,
    /// The secret of that client.
    pub open_gateway_client_secret: Option<Secret>,
    /// The key of the Zadarma account.
    pub zadarma_key: Option<Secret>,
    /// The secret that signs the requests of the Zadarma account.
    pub zadarma_secret: Option<Secret>,
}

impl Credentials {
    /// Sets a field by its name, such as `numcheck_token`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when there is no such field, or when the value has characters that no credential has.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<()> {
        let value = Secret::new(value);
        let (known, field) = self.fields_mut().into_iter().find(|(known, _)| *known == name).ok_or_else(|| {
            let known = Self::NAMES.join("`, `");
            Error::new(ErrorKind::InvalidInput, format!("there is no credential `{name}`: there are `{known}`"))
        })?;
        check(known, &value)?;
        *field = Some(value);
        Ok(())
    }

    /// The names of the fields.
    pub const NAMES: [&'static str; 9] = [
        "citcall_user_id",
        "citcall_api_key",
        "idlayr_client_id",
        "idlayr_client_secret",
        "numcheck_token",
        "open_gateway_client_id",
        "open_gateway_client_secret",
        "zadarma_key",
        "zadarma_secret",
    ];

    /// Refuses fields that were filled with what no credential can be.
    pub(super) fn check(mut self) -> Result<Self> {
        for (name, field) in self.fields_mut() {
            field.as_ref().map_or(Ok(()), |value| check(name, value))?;
        }
        Ok(self)
    }

    fn fields_mut(&mut self) -> [(&'static str, &mut Option<Secret>); 9] {
        let [user_id, api_key, id, secret, token, app_id, app_secret, key, signing] = Self::NAMES;
        [
            (user_id, &mut self.citcall_user_id),
            (api_key, &mut self.citcall_api_key),
            (id, &mut self.idlayr_client_id),
            (secret, &mut self.idlayr_client_secret),
            (token, &mut self.numcheck_token),
            (app_id, &mut self.open_gateway_client_id),
            (app_secret, &mut self.open_gateway_client_secret),
            (key, &mut self.zadarma_key),
            (signing, &mut self.zadarma_secret),
        ]
    }
}

/// A credential that is given, or else one that is drawn.
pub(super) fn given_or(given: &Option<Secret>, draw: impl FnOnce() -> Result<String>) -> Result<Secret> {
    given.clone().map_or_else(|| draw().map(Secret::new), Ok)
}

/// What passes through headers, forms, HTTP Basic, shells and `.env` files as it stands.
fn check(name: &str, value: &Secret) -> Result<()> {
    let value = value.expose();
    let fits = (1..=128).contains(&value.len()) && value.starts_with(|c: char| c.is_ascii_alphanumeric());
    if fits && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
        return Ok(());
    }
    let shape = "a credential has 1 to 128 letters, digits and `-._~`, and begins with a letter or digit";
    Err(Error::new(ErrorKind::InvalidInput, format!("the value of `{name}` cannot be used: {shape}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_set_by_its_name() {
        let mut credentials = Credentials::default();
        for name in Credentials::NAMES {
            credentials.set(name, format!("{name}-value")).unwrap();
        }
        for (name, field) in credentials.fields_mut() {
            assert_eq!(field.as_ref().unwrap().expose(), format!("{name}-value"));
        }
        let shown = format!("{credentials:?}");
        assert!(!shown.contains("-value"), "{shown}");
        let unknown = credentials.set("numcheck_tokn", "a").unwrap_err();
        assert!(unknown.to_string().contains("`numcheck_token`"), "{unknown}");
    }

    #[test]
    fn what_would_not_pass_unchanged_is_refused_and_not_shown() {
        for bad in ["", " ", "hunter2:", "hunter2 ", "~hunter2", "hünter2", "hunter2'", "hunter2\n", &"a".repeat(129)]
        {
            let mut credentials = Credentials::default();
            let error = credentials.set("zadarma_key", bad).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
            credentials.zadarma_key = Some(Secret::new(bad));
            assert_eq!(credentials.check().unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
        let mut credentials = Credentials::default();
        credentials.set("zadarma_key", "0a-B_c.~").unwrap();
        assert!(credentials.check().is_ok());
    }
}
