// Package validate checks and normalises the values that clients send: text (Line, Text), postal addresses (Address), phone
// numbers (Phone), currencies (IsCurrency) and ids (IsUUID). Values that pass can be stored, shown and searched safely. The functions for text,
// addresses and phone numbers return the wrong fields, ready for fault.Invalid.
package validate
