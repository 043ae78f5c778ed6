// Package validate checks and normalises the values that clients send: text (Line, Text), postal addresses (Address), phone
// numbers (Phone), e-mail addresses (Email), passwords (Password), currencies (IsCurrency) and ids (IsUUID). Values that pass
// can be stored, shown, compared and searched safely. The functions for text and addresses return the wrong fields, ready for
// fault.Invalid; Phone returns such an error.
//
// The fields of the API and their rules:
//
//	name, street, city, postalCode, dish name, category   Line
//	notes, reason, description                            Text; empty without a visible character
//	query and category of the menu                        Line; empty without a visible character; then folded by product
//	phone                                                 Phone: E.164
//	country                                               ISO 3166-1 alpha-2, after width folding (UAX 11)
//	e-mail                                                Email: precis UsernameCaseMapped @ UTS 46 (RFC 8265, RFC 5891), ς as σ
//	password                                              Password: precis OpaqueString (RFC 8265)
//
// What happens to the characters of a Line and a Text. Limits count code points afterwards.
//
//	canonically equal sequences           become NFC                                      UAX 15
//	spaces of all scripts, empty Braille  trimmed; kept inside                            White_Space (PropList.txt)
//	ignorable: U+200B, U+2060, U+FEFF,    removed: they only make equal texts differ      Default_Ignorable_Code_Point
//	  U+00AD, fillers, tags, ...
//	ZWJ and ZWNJ                          kept after letters of scripts that join or      Unicode 9.2, 12.1, 23.2
//	                                      have a virama, ZWNJ also before one inside a    UTS 51, ED-16
//	                                      word, and ZWJ inside an emoji; else removed
//	U+180E                                kept between Mongolian letters; else removed    Unicode 13.5
//	variation selectors                   kept after characters that have variants;       Unicode 23.4
//	                                      else removed, as after a Latin letter
//	tags                                  kept in the flag of a region; else removed      UTS 51, ED-14a
//	direction marks LRM, RLM, ALM         kept: Arabic and Hebrew need them; repeated     UAX 9, 2.6
//	                                      ones removed
//	isolates                              kept if closed in their line; else refused      UAX 9, 2.4
//	embeddings and overrides              refused: they show another order than is read   UAX 9, 2.1 and 2.2; UTR 36, 3.2
//	controls, U+2028, U+2029              refused; a Text has line breaks and tabs        Cc, Zl, Zp
//	noncharacters                         refused                                         Unicode 23.7; RFC 7493, 2.1
//	combining marks                       kept; more than 8 on one character refused      UTS 39, 5.4
//	all else, unassigned too              kept
//
// At least one character must be visible: no space, no ignorable character and no combining mark.
package validate
