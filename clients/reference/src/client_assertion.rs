//! Signs the client assertion of private_key_jwt.
//!
//! RFC 7523 section 3; `aud` and `typ` as draft-ietf-oauth-rfc7523bis section 4 has them: the issuer of the
//! one server that it is for. Signed with the crypto library directly, so that no JOSE code is shared with
//! the servers.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::Url;

use crate::Fault;
use crate::client::Client;
use crate::client_authentication::{Party, Registration};
use crate::outcome::Cause;

/// How long an assertion is good for, in seconds.
const LIFETIME: u64 = 60;

impl Client {
    /// A new assertion for the server of `registration`, whose token endpoint is `token_endpoint`.
    pub(crate) fn client_assertion(
        &self,
        registration: &Registration<'_>,
        token_endpoint: &Url,
    ) -> Result<String, Cause> {
        let deviates = |fault| registration.party == Party::As && self.has(fault);
        let key = if deviates(Fault::ClientAssertionSignedWithOtherKey) {
            let generated = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
            Key::P256(generated.map_err(|_| unusable("no key can be generated"))?)
        } else {
            let pem = registration.key_pem.ok_or_else(|| unusable("no private key is held"))?;
            Key::from_pem(pem, registration.algorithm.unwrap_or("ES256"))?
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut header = json!({"alg": key.algorithm(), "typ": "client-authentication+jwt"});
        let mut claims = json!({
            "iss": registration.client_id,
            "sub": registration.client_id,
            "aud": registration.issuer,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": random_text()?,
        });
        if deviates(Fault::ClientAssertionSubjectDiffers) {
            claims["sub"] = json!("someone");
        }
        if deviates(Fault::ClientAssertionAudienceIsTokenEndpoint) {
            claims["aud"] = json!(token_endpoint.as_str());
        }
        if deviates(Fault::ClientAssertionWithoutJti) {
            claims.as_object_mut().map(|claims| claims.remove("jti"));
        }
        if self.has(Fault::PrivateKeyInAssertionHeader) {
            header["jwk"] = key.private_jwk()?;
        }
        let message = format!("{}.{}", segment(&header), segment(&claims));
        let signature = key.sign(message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// A JWT with the header of an ID-JAG that no one issued and no one's key signed.
pub(crate) fn made_up_grant(audience: &str) -> Result<String, Cause> {
    let header = json!({"alg": "ES256", "typ": "oauth-id-jag+jwt"});
    let claims = json!({"iss": "http://localhost/made-up", "aud": audience, "jti": random_text()?});
    let mut signature = [0; 64];
    rand::fill(&mut signature).map_err(|_| unusable("no random bytes"))?;
    Ok(format!("{}.{}.{}", segment(&header), segment(&claims), URL_SAFE_NO_PAD.encode(signature)))
}

/// A private key with the one algorithm it signs by.
enum Key {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static str, &'static dyn RsaEncoding),
}

impl Key {
    /// Reads a PKCS#8 key in PEM.
    fn from_pem(pem: &str, algorithm: &str) -> Result<Self, Cause> {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let der = STANDARD.decode(base64).map_err(|_| unusable("the private key is no PEM"))?;
        let ec = |curve| EcdsaKeyPair::from_pkcs8(curve, &der);
        let key = match algorithm {
            "ES256" => ec(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::P256),
            "ES384" => ec(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Self::P384),
            "EdDSA" | "Ed25519" => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Self::Ed25519),
            "RS256" => RsaKeyPair::from_pkcs8(&der).map(|key| Self::Rsa(key, "RS256", &RSA_PKCS1_SHA256)),
            "PS256" => RsaKeyPair::from_pkcs8(&der).map(|key| Self::Rsa(key, "PS256", &RSA_PSS_SHA256)),
            _ => {
                return Err(unusable(
                    "the signing algorithm is not one of ES256, ES384, EdDSA, RS256, PS256",
                ));
            }
        };
        key.map_err(|_| unusable("the private key is no PKCS#8 key for its algorithm"))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::P384(_) => "ES384",
            Self::Rsa(_, algorithm, _) => algorithm,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Cause> {
        let random = SystemRandom::new();
        let signature = match self {
            Self::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            Self::P256(key) | Self::P384(key) => {
                key.sign(&random, message).map(|made| made.as_ref().to_vec())
            }
            Self::Rsa(key, _, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, message, &mut signature).map(|()| signature)
            }
        };
        signature.map_err(|_| unusable("the private key does not sign"))
    }

    /// The key with its private part `d`, as no one should ever send it.
    fn private_jwk(&self) -> Result<Value, Cause> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (curve, key) = match self {
            Self::P256(key) => ("P-256", key),
            Self::P384(key) => ("P-384", key),
            Self::Ed25519(_) | Self::Rsa(..) => return Err(unusable("this fault needs an EC key")),
        };
        let private = key.private_key().as_be_bytes().map_err(|_| unusable("the key is sealed"))?;
        let point = &key.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        Ok(json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y), "d": text(private.as_ref())}))
    }
}

fn segment(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn random_text() -> Result<String, Cause> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| unusable("no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn unusable(problem: &str) -> Cause {
    Cause::Unusable(problem.to_owned())
}
