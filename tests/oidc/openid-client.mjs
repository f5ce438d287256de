// The relying party `openid-client` through one code flow: prints where the person has to go, reads where the person came back, prints
// the claims. `SECRET` has it use `client_secret_basic`, `KEY` a signed request object and `private_key_jwt`.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { createInterface } from "node:readline/promises";

const require = createRequire(process.env.MODULES + "/");
const client = await import(pathToFileURL(require.resolve("openid-client")).href);
const { ISSUER, CLIENT, SECRET, KEY, REDIRECT, LOGIN_HINT, TAMPER } = process.env;

const key = KEY && {
  key: await crypto.subtle.importKey("pkcs8", Buffer.from(KEY, "base64"), { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]),
};
const config = await client.discovery(
  new URL(ISSUER),
  CLIENT,
  {},
  key ? client.PrivateKeyJwt(key.key) : client.ClientSecretBasic(SECRET),
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
);

const verifier = client.randomPKCECodeVerifier();
const parameters = {
  redirect_uri: REDIRECT,
  scope: "openid phone",
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state: client.randomState(),
  nonce: client.randomNonce(),
  max_age: "300",
  login_hint: LOGIN_HINT,
};
const url = key
  ? await client.buildAuthorizationUrlWithJAR(config, parameters, key.key)
  : client.buildAuthorizationUrl(config, parameters);
console.log(url.href);

const lines = createInterface({ input: process.stdin });
const [back] = await new Promise((resolve) => lines.once("line", (line) => resolve([line])));
lines.close();
try {
  const tokens = await client.authorizationCodeGrant(config, new URL(back), {
    pkceCodeVerifier: verifier,
    expectedState: parameters.state,
    expectedNonce: TAMPER === "nonce" ? "another" : parameters.nonce,
    maxAge: 300,
    idTokenExpected: true,
  });
  console.log(JSON.stringify(tokens.claims()));
} catch (error) {
  console.log(JSON.stringify({ refused: error.code ?? error.message }));
}
