//! Keys, and JWTs read without trust and written without limits.
//!
//! A client's token is hostile input: it is split, decoded and kept as JSON, whatever its header says
//! (RFC 7515, RFC 7519). Verifying it is a question asked afterwards, with a key of our choice.

use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value, json};

use crosscheck_scenarios::TokenForm;

use crate::canary::Canary;

/// A P-256 key pair and what is published of it. The algorithm is ES256.
#[derive(Debug)]
pub struct SigningKey {
    /// Provenance name, such as `idp.key`.
    pub name: &'static str,
    /// Its `kid`.
    pub kid: String,
    pair: EcdsaKeyPair,
    private: String,
    public: Value,
    pem: String,
}

impl SigningKey {
    /// A new key.
    pub fn generate(name: &'static str, kid: String) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("P-256 keys can be made");
        let scalar: EcPrivateKeyBin<'_> =
            pair.private_key().as_be_bytes().expect("a new key can be exported");
        let private = URL_SAFE_NO_PAD.encode(scalar.as_ref());
        let point = pair.public_key().as_ref();
        // An uncompressed point: 0x04, then x and y of 32 bytes each.
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        let public = json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": x, "y": y,
        });
        let der = pair.to_pkcs8v1().expect("a new key can be exported");
        let pem = pem::encode(&pem::Pem::new("PRIVATE KEY", der.as_ref()));
        Self { name, kid, pair, private, public, pem }
    }

    /// The public key as a JWK (RFC 7517).
    pub fn public_jwk(&self) -> &Value {
        &self.public
    }

    /// The private key as PKCS#8 PEM, for a client that signs with it.
    pub fn private_pem(&self) -> &str {
        &self.pem
    }

    /// The lines between the first and the last of [`Self::private_pem`].
    pub fn private_pem_body(&self) -> impl Iterator<Item = &str> {
        self.pem.lines().filter(|line| !line.starts_with('-'))
    }

    /// The private scalar, base64url: the JWK member `d`.
    pub fn private_scalar(&self) -> &str {
        &self.private
    }

    /// Signs any header and claims, however wrong they are.
    pub fn sign(&self, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
        let segment = |part: &Map<String, Value>| {
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).expect("a JSON object can be written"))
        };
        let input = format!("{}.{}", segment(header), segment(claims));
        let signature =
            self.pair.sign(&SystemRandom::new(), input.as_bytes()).expect("P-256 signing does not fail");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// The header of a token that this key signs.
    pub fn header(&self, typ: &str) -> Map<String, Value> {
        [("typ", typ), ("alg", "ES256"), ("kid", &self.kid)]
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .into_iter()
            .collect()
    }
}

/// A compact JWS with JSON in its first two parts, whoever made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Jwt {
    /// The JOSE header.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
    text: String,
}

impl Jwt {
    /// Reads `text`; `None` when it is no three-part token with JSON objects in the first two parts.
    pub fn decode(text: &str) -> Option<Self> {
        let [header, claims, _signature] = parts(text)?;
        Some(Self { header: object(header)?, claims: object(claims)?, text: text.to_owned() })
    }

    /// The `typ` of the header in lower case, without the `application/` that may stand in front (RFC 7515
    /// section 4.1.9); empty when there is none.
    pub fn typ(&self) -> String {
        let typ = self.header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
    }

    /// A string claim.
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim in seconds since 1970.
    pub fn seconds(&self, name: &str) -> Option<u64> {
        let value = self.claims.get(name)?;
        value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
    }

    /// The `aud` values; a string is one.
    pub fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the signature verifies with `jwk`. Only the asymmetric algorithms ES256, RS256, PS256 and
    /// EdDSA count: never `none`, never an HMAC (RFC 8725 sections 3.1 and 3.2).
    pub fn verifies_with(&self, jwk: &Value) -> bool {
        let algorithm = match self.header.get("alg").and_then(Value::as_str) {
            Some("ES256") => Algorithm::ES256,
            Some("RS256") => Algorithm::RS256,
            Some("PS256") => Algorithm::PS256,
            Some("EdDSA") => Algorithm::EdDSA,
            _ => return false,
        };
        let Ok(jwk) = serde_json::from_value::<Jwk>(jwk.clone()) else { return false };
        let Ok(key) = DecodingKey::from_jwk(&jwk) else { return false };
        let Some((input, signature)) = self.text.rsplit_once('.') else { return false };
        jsonwebtoken::crypto::verify(signature, input.as_bytes(), &key, algorithm).unwrap_or(false)
    }
}

/// What a client is given to carry in the place of a signed token: nothing that it can read, except in the form
/// that is signed.
pub(crate) fn carried(signed: &str, form: TokenForm, canary: &Canary) -> String {
    match form {
        TokenForm::Signed => signed.to_owned(),
        // Header, encrypted key, initialization vector, ciphertext and tag (RFC 7516 section 3.1).
        TokenForm::Encrypted => {
            let header =
                json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT", "kid": canary.mint() });
            let random = [256, 12, signed.len(), 16].map(|bytes| canary.characters(bytes));
            let parts = [header.to_string()].into_iter().chain(random);
            parts.map(|part| URL_SAFE_NO_PAD.encode(part)).collect::<Vec<_>>().join(".")
        }
        // As long, and with every character that a bearer token may have (RFC 6750 section 2.1).
        TokenForm::Opaque => format!("{}-._~+/{}==", canary.mint(), canary.characters(signed.len())),
    }
}

/// The three parts of a compact token.
pub fn parts(text: &str) -> Option<[&str; 3]> {
    let parts: Vec<_> = text.split('.').collect();
    parts.try_into().ok()
}

fn object(segment: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(segment.trim_end_matches('=')).ok()?;
    match serde_json::from_slice(&bytes).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Map<String, Value> {
        json!({"iss": "https://idp.example", "aud": ["https://as.example"], "exp": 12.5})
            .as_object()
            .cloned()
            .unwrap()
    }

    #[test]
    fn a_token_verifies_with_its_own_key_only() {
        let key = SigningKey::generate("one", "1".into());
        let other = SigningKey::generate("other", "1".into());
        let token = Jwt::decode(&key.sign(&key.header("JWT"), &claims())).unwrap();
        assert!(token.verifies_with(key.public_jwk()));
        assert!(!token.verifies_with(other.public_jwk()));
        assert_eq!(token.audiences(), ["https://as.example"]);
        assert_eq!(token.seconds("exp"), Some(12));
    }

    #[test]
    fn an_unsigned_token_never_verifies() {
        let key = SigningKey::generate("one", "1".into());
        let mut header = key.header("JWT");
        header.insert("alg".into(), "none".into());
        assert!(!Jwt::decode(&key.sign(&header, &claims())).unwrap().verifies_with(key.public_jwk()));
    }

    #[test]
    fn what_is_no_token_is_not_decoded() {
        for text in ["", "a.b", "a.b.c", "eyJ9.e30.x", "e30.e30.x.y.z"] {
            assert_eq!(Jwt::decode(text), None, "{text}");
        }
    }
}
