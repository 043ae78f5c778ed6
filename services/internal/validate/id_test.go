package validate_test

import (
	"testing"

	"comanda/services/internal/validate"
)

func TestOnlyTheCanonicalFormIsAUUID(t *testing.T) {
	for text, want := range map[string]bool{
		"0b8e7c1a-3f1d-4a5e-8a59-6f0f8f2f7c11":          true,
		"0B8E7C1A-3F1D-4A5E-8A59-6F0F8F2F7C11":          true,
		"0b8e7c1a3f1d4a5e8a596f0f8f2f7c11":              false,
		"{0b8e7c1a-3f1d-4a5e-8a59-6f0f8f2f7c11}":        false,
		"urn:uuid:0b8e7c1a-3f1d-4a5e-8a59-6f0f8f2f7c11": false,
		"0b8e7c1a-3f1d-4a5e-8a59-6f0f8f2f7c1g":          false,
		"":                                              false,
	} {
		if got := validate.IsUUID(text); got != want {
			t.Errorf("IsUUID(%q) = %v, want %v", text, got, want)
		}
	}
}
