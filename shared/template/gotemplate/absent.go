package gotemplate

import "strings"

// absent are functions of sprig and of External Secrets Operator that templates do not have, by the reason.
var absent = map[string]string{ //nolint:gosec // names of functions, none of which is a credential
	"it reads the clock or the machine's time zone": `ago date dateInZone dateModify date_in_zone date_modify htmlDate htmlDateInZone
		mustDateModify mustToDate must_date_modify now toDate unixEpoch`,
	"it makes another text each time, so that each refresh would change the Secret": `genCA genCAWithKey genPrivateKey genSelfSignedCert
		genSelfSignedCertWithKey genSignedCert genSignedCertWithKey
		randAlpha randAlphaNum randAscii randBytes randInt randNumeric shuffle uuidv4`,
	"it salts what it makes, so that each refresh would change the Secret": `bcrypt encryptAES fullPemToPkcs12 fullPemToPkcs12Pass
		htpasswd pemToPkcs12 pemToPkcs12Pass pemTruststoreToPKCS12 pemTruststoreToPKCS12Pass`,
	"it is for functions that make certificates, which templates do not have": "buildCustomCert",
	"it takes more memory than a template may":                                "derivePassword",
	"it reads the environment":                                                "env expandenv",
	"it asks the network":                                                     "getHostByName",
	"it would put what it is given into an error":                             "fail",
	"it reads other Secrets":                                                  "getSecretKey getSecretKeys",
}

// noFunction says that there is no function of a name, and why, where it is known elsewhere.
func noFunction(name string) string {
	for reason, names := range absent {
		for other := range strings.FieldsSeq(names) {
			if other == name {
				return `"` + name + `" is no function that templates have: ` + reason
			}
		}
	}
	return `"` + name + `" is no function that templates have`
}
