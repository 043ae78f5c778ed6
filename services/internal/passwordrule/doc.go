// Package passwordrule decides which passwords an account may have, and in which form they are hashed and compared. Normal gives the
// form: the OpaqueString profile of RFC 8265, so that a password is the same from every keyboard. Check refuses passwords that are
// too short, too long or easy to guess (NIST SP 800-63B, 3.1.1.2), and says why. The estimate and the lists of common passwords
// and words come from zxcvbn.
package passwordrule
