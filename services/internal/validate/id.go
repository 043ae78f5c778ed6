package validate

import "github.com/google/uuid"

// IsUUID reports whether text is a UUID in its canonical form of 36 characters, in either case (RFC 9562, section 4).
// uuid.Validate alone also accepts braces, the prefix urn:uuid: and the form without hyphens, which would give one
// aggregate several ids.
func IsUUID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }
