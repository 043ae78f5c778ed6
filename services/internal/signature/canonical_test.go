package signature

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf16"
)

// texts returns strings of characters of every kind: with a short escape, with another one, and of one to four bytes.
func texts() (all []string) {
	random := rand.New(rand.NewPCG(1, 2))
	characters := []rune("\x00\x1f \"\\/\b\f\n\r\taZ~\x7fé€\ue000\uffff𝄞😀")
	for range 2000 {
		text := make([]rune, random.IntN(4))
		for i := range text {
			text[i] = characters[random.IntN(len(characters))]
		}
		all = append(all, string(text))
	}
	return all
}

func TestStringsAreEscapedSoThatParsersReadTheSame(t *testing.T) {
	for _, text := range texts() {
		var got string
		if err := json.Unmarshal(appendString(nil, text), &got); err != nil || got != text {
			t.Errorf("%q: got %s, which reads as %q, %v", text, appendString(nil, text), got, err)
		}
	}
	if got := string(appendString(nil, "\x00\x1f\"\\/\b\f\n\r\té😀")); got != `"\u0000\u001f\"\\/\b\f\n\r\té😀"` {
		t.Errorf("got %s, want the shortest escapes", got)
	}
}

func TestNamesAreInTheOrderOfTheirUTF16CodeUnits(t *testing.T) {
	all := texts()
	for i, a := range all {
		b := all[len(all)-1-i]
		if got, want := compareUTF16(a, b), slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b))); got != want {
			t.Errorf("%q and %q: got %d, want %d", a, b, got, want)
		}
	}
}

func TestOnlyIntegersHaveACanonicalForm(t *testing.T) {
	for number, want := range map[string]bool{"0": true, "7": true, "-10": true, "9007199254740993": true,
		"-0": false, "01": false, "-": false, "": false, "1.0": false, "1e3": false, "+1": false} {
		if got := isInteger(number); got != want {
			t.Errorf("%q: got %t, want %t", number, got, want)
		}
	}
}
