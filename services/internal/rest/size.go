package rest

import "comanda/services/internal/fault"

// Limits of a JSON body. The largest request has 50 lines of two members each, and four levels.
const (
	maxValues int64 = 1000
	maxDepth  int64 = 32
)

// checkSize returns a 413 if body has more than maxValues members and elements, and a 400 if it has more than maxDepth levels. An empty
// object or list counts as one more. It reads each byte at most once, stops at the limit and allocates nothing, so it comes before
// everything that builds values from the body. It does not check that body is JSON.
func checkSize(body []byte) error {
	values, depth, inString := int64(0), int64(0), false
	for i := 0; i < len(body); i++ {
		switch char := body[i]; {
		case inString && char == '\\':
			i++
		case char == '"':
			inString = !inString
		case inString:
		case char == '{', char == '[':
			depth++
			values++
		case char == '}', char == ']':
			depth--
		case char == ',':
			values++
		}
		switch {
		case values > maxValues:
			return tooBig("the body must have at most %d members and elements", maxValues)
		case depth > maxDepth:
			return fault.Malformed("the body must have at most %d levels", maxDepth)
		}
	}
	return nil
}

func tooBig(format string, limit int64) error {
	e := fault.Malformed(format, limit)
	e.Kind = fault.KindTooLarge
	return e
}
