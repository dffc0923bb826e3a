package simtokens

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
)

// Refused are tokens that nobody may take who takes good of the issuer ours, by
// what is wrong with each: in how it is written and signed, or in what it says.
// theirs is an issuer whom nobody trusts.
func Refused(ours, theirs *Issuer, good Claims) map[string]string {
	header := func(alg string) map[string]any {
		return map[string]any{"alg": alg, "kid": KeyID, "typ": "JWT"}
	}
	text := Part(header("HS256")) + "." + Part(good)
	mac := hmac.New(sha256.New, ours.Public())
	mac.Write([]byte(text))
	valid := ours.Token(good)
	unsigned := valid[:strings.LastIndexByte(valid, '.')]
	all := map[string]string{
		"no JWT":            "abc",
		"four parts":        valid + ".x",
		"no base64":         "!.!.!",
		"forged":            theirs.Token(good),
		"changed":           strings.Replace(valid, ".", ".e", 1),
		"alg none":          Part(header("none")) + "." + Part(good) + ".",
		"HS256 by our key":  text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"short ES256":       Part(header("ES256")) + "." + Part(good) + ".AAAA",
		"RS512":             ours.SignAs(header("RS512"), good),
		"another key":       ours.SignAs(map[string]any{"alg": "RS256", "kid": "other"}, good),
		"no signature":      unsigned + ".",
		"signature removed": unsigned + ".SIGNATURE_REMOVED_BY_GOOGLE",
		"far too long":      ours.Token(good.With("more", strings.Repeat("x", 10_000))),
	}
	for what, claims := range wrong(good) {
		all[what] = ours.Token(claims)
	}
	return all
}

// wrong are claims that stand for nobody, for somebody else or for another time.
func wrong(good Claims) map[string]Claims {
	now, audience := time.Now(), good["aud"].(string)
	return map[string]Claims{
		"expired":                 good.With("exp", now.Add(-time.Second).Unix()),
		"without expiry":          good.With("exp", nil),
		"not yet issued":          good.With("iat", now.Add(time.Hour).Unix()),
		"not yet valid":           good.With("nbf", now.Add(time.Hour).Unix()),
		"never issued":            good.With("iat", nil),
		"another audience":        good.With("aud", "https://f.example/other"),
		"a longer audience":       good.With("aud", audience+"/"),
		"audiences":               good.With("aud", []string{audience}),
		"no audience":             good.With("aud", ""),
		"another issuer":          good.With("iss", "https://accounts.google.com.evil.example"),
		"no issuer":               good.With("iss", nil),
		"no address":              good.With("email", nil),
		"an unverified address":   good.With("email_verified", false),
		"no word on the address":  good.With("email_verified", nil),
		"a text for a truth":      good.With("email_verified", "true"),
		"nobody":                  good.With("sub", nil),
		"a far future in letters": good.With("exp", "9999999999"),
	}
}
