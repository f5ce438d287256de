//! The OpenID provider, as the settings have it.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use http::Uri;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::Action,
    oidc_provider::{Client, HintIssuer, NumberSource, OidcProvider},
    secret::Secret,
    signing::{SigningKey, SigningKeys},
    step_page::StepPages,
    verifier::{Verifier, mount},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OidcSection {
    #[serde(deserialize_with = "issuer")]
    issuer: String,
    subject_secret: Secret,
    #[serde(deserialize_with = "signing_key")]
    signing_key: SigningKey,
    /// Keys that do not sign: the next one, and the last one.
    #[serde(default)]
    also_publish: Vec<Published>,
    #[serde(default)]
    client: Vec<ClientSection>,
}

#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Published(#[serde(deserialize_with = "signing_key")] SigningKey);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientSection {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    secret: Option<Secret>,
    #[serde(default)]
    secret_sha256: Option<String>,
    /// A file with a JSON Web Key Set.
    #[serde(default)]
    keys: Option<PathBuf>,
    redirect_uris: Vec<String>,
    number_from: Vec<NumberSource>,
    #[serde(default)]
    id_token_hint: Option<HintSection>,
    #[serde(default)]
    action: Option<ActionName>,
    #[serde(default)]
    acr: BTreeMap<String, ActionName>,
    #[serde(default)]
    secret_post: bool,
    #[serde(default)]
    userinfo: bool,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct ActionName(Action);

impl TryFrom<String> for ActionName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        Action::new(name).map(Self)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HintSection {
    issuer: String,
    keys: PathBuf,
    #[serde(default)]
    audience: Option<String>,
}

/// A fault, under the keys that follow `oidc`.
pub(super) type Fault = (Vec<String>, Error);

impl OidcSection {
    /// Where the provider is served: the path of its issuer.
    pub(super) fn mount(&self) -> String {
        path_of(&self.issuer)
    }

    /// Puts the provider together; the files that it names are in `folder`.
    pub(super) fn provider(
        self,
        verifier: &Verifier,
        folder: &Path,
        pages: Option<StepPages>,
    ) -> Result<OidcProvider, Fault> {
        let mount = self.mount();
        if mount == verifier.mount() {
            let shared = misconfigured(format!(
                "the path of the `issuer` is that of the endpoints, `{mount}/`; give one of them another path"
            ));
            return Err((vec!["issuer".to_owned()], shared));
        }
        let keys = SigningKeys::new(self.signing_key);
        let keys = self.also_publish.into_iter().fold(keys, |keys, Published(key)| keys.also_publish(key));
        let mut builder = OidcProvider::builder(verifier, &self.issuer, keys, &self.subject_secret);
        if let Some(pages) = pages {
            builder = builder.step_pages(pages);
        }
        for (place, section) in self.client.into_iter().enumerate() {
            let at = |error| (vec!["client".to_owned(), format!("[{place}]")], error);
            let client = section.client(folder).map_err(at)?;
            client.check(&self.issuer).map_err(at)?;
            builder = builder.client(client);
        }
        builder.build().map_err(|error| (Vec::new(), error))
    }
}

impl ClientSection {
    fn client(self, folder: &Path) -> Result<Client> {
        let mut client = self.redirect_uris.into_iter().fold(Client::new(self.id), Client::redirect_uri);
        client = match (self.secret, self.secret_sha256) {
            (Some(_), Some(_)) => {
                return Err(misconfigured("there is a `secret_sha256` beside the `secret`; leave one of them out"));
            }
            (Some(secret), None) => client.secret(&secret),
            (None, Some(digits)) => client.secret_sha256(&digits),
            (None, None) => client,
        };
        if let Some(name) = self.name {
            client = client.name(name);
        }
        if let Some(keys) = self.keys {
            client = client.keys(key_set("keys", &folder.join(keys))?);
        }
        if self.number_from.is_empty() {
            return Err(misconfigured(
                "`number_from` is empty: write where its numbers come from, `[\"login_hint\"]` say",
            ));
        }
        let mut hint = self.id_token_hint;
        for source in self.number_from {
            client = match source {
                NumberSource::LoginHint => client.number_from_login_hint(),
                NumberSource::Request => client.number_from_request(),
                NumberSource::Typed => client.number_typed(),
                NumberSource::IdTokenHint => client.number_from_id_token_hint(match hint.take() {
                    Some(hint) => hint.issuer(folder)?,
                    None => {
                        return Err(misconfigured(
                            "`number_from` has \"id_token_hint\": write `id_token_hint = { issuer = \"https://..\", keys = \"keys.json\" }`",
                        ));
                    }
                }),
            };
        }
        if hint.is_some() {
            return Err(misconfigured("there is an `id_token_hint`, and `number_from` does not have it"));
        }
        if let Some(ActionName(action)) = self.action {
            client = client.action(action);
        }
        client = self.acr.into_iter().fold(client, |client, (acr, ActionName(action))| client.acr(acr, action));
        if self.secret_post {
            client = client.allow_secret_post();
        }
        if self.userinfo {
            client = client.with_userinfo();
        }
        Ok(client)
    }
}

impl HintSection {
    fn issuer(self, folder: &Path) -> Result<HintIssuer> {
        let issuer = HintIssuer::new(self.issuer, key_set("id_token_hint", &folder.join(self.keys))?);
        Ok(match self.audience {
            Some(audience) => issuer.audience(audience),
            None => issuer,
        })
    }
}

fn key_set(key: &str, path: &Path) -> Result<Value> {
    let cannot = |what: &str| misconfigured(format!("`{key}`: the file `{}` {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|source| cannot("cannot be read").with_source(source))?;
    serde_json::from_str(&text).map_err(|source| cannot("is no JSON Web Key Set").with_source(source))
}

fn issuer<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let issuer = String::deserialize(from)?;
    // What else it has to be is said by the provider. This one is for the router.
    let path =
        mount(&path_of(&issuer)).map_err(|_| D::Error::custom("its path has letters, digits and `-._~/` only"))?;
    super::config::refuse_own_path(&path).map_err(D::Error::custom)?;
    Ok(issuer)
}

fn signing_key<'de, D: Deserializer<'de>>(from: D) -> Result<SigningKey, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        algorithm: Algorithm,
        secret: Secret,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Algorithm {
        Rs256,
        Es256,
    }
    let Written { algorithm, secret } = Written::deserialize(from)?;
    match algorithm {
        Algorithm::Rs256 => SigningKey::rs256_pem(&secret),
        Algorithm::Es256 => SigningKey::es256_pem(&secret),
    }
    .map_err(D::Error::custom)
}

/// Empty for one without, and for what is no URL.
fn path_of(url: &str) -> String {
    url.parse().map(|uri: Uri| uri.path().trim_end_matches('/').to_owned()).unwrap_or_default()
}

fn misconfigured(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}
