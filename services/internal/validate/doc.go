// Package validate checks and normalises the values that clients send. It decides, for every text field of the API, what is
// normalised, what is invisible and removed, what is dangerous and refused, and what is merely another script. Values that pass can be
// stored, compared, shown and searched safely, and normalising them again changes nothing. docs/text.md lists the rules and their
// sources.
//
//	names, categories, lines of an address     Line          NFC, plain spaces, no invisible characters; one line, never empty
//	descriptions                               OptionalText  the same, with line breaks and tabs; may be empty
//	notes, reasons                             OptionalText
//	searches                                   Search        the same; 400 instead of 422
//	e-mails                                    Email         RFC 8265 user name @ ASCII domain (UTS 46)
//	postal addresses                           Address       three lines and a Country (ISO 3166-1)
//	phone numbers                              Phone         E.164
//	ids                                        IsUUID
//	currencies                                 IsCurrency
//
// Passwords have a package of their own, passwordrule. The functions that check a field return the wrong fields, ready for
// fault.Invalid.
package validate
