package asyncapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// annotations are the keywords that inform people and constrain nothing. A version may change them.
var annotations = []string{"title", "description", "summary", "examples", "$comment", "deprecated", "asyncapi", "info", "servers"}

// collections are the keywords whose value maps names that the author chooses. A new version may add names to them. A name that is added
// under properties is an optional member: to make it mandatory, the version would also have to change required, which is a break.
var collections = []string{"properties", "$defs", "channels", "operations", "messages", "components", "messageTraits"}

// Breaks lists the differences that break a consumer of the older of two documents or schemas, or make its stored events
// invalid. Every difference does, except annotations, additions to collections and the order of some lists. Narrowing counts too:
// events of the older document stay on the broker, and are replayed.
func Breaks(older, newer any) []string { return breaks("", "", older, newer) }

// breaks compares the values of keyword in the two documents. Directly below one of collections, the keys are names and not keywords.
func breaks(path, keyword string, older, newer any) (found []string) {
	before, isMap := older.(map[string]any)
	after, stillMap := newer.(map[string]any)
	if !isMap || !stillMap {
		if !same(keyword, older, newer) {
			found = append(found, fmt.Sprintf("%s: was %v, is %v", path, older, newer))
		}
		return found
	}
	named := slices.Contains(collections, keyword)
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if !named && slices.Contains(annotations, key) {
			continue
		}
		inside := key
		if named {
			inside = ""
		}
		value, ok := after[key]
		if !ok {
			found = append(found, fmt.Sprintf("%s/%s: is gone", path, key))
			continue
		}
		found = append(found, breaks(path+"/"+key, inside, before[key], value)...)
	}
	for _, key := range slices.Sorted(maps.Keys(after)) {
		_, was := before[key]
		if !was && !named && !slices.Contains(annotations, key) {
			found = append(found, fmt.Sprintf("%s/%s: is new: %v", path, key, after[key]))
		}
	}
	return found
}

// same reports whether two values are equal. The order of the lists required, enum and type means nothing.
func same(keyword string, older, newer any) bool {
	before, isList := older.([]any)
	after, stillList := newer.([]any)
	if isList && stillList && slices.Contains([]string{"required", "enum", "type"}, keyword) {
		lacks := func(list []any) func(any) bool {
			return func(wanted any) bool {
				return !slices.ContainsFunc(list, func(v any) bool { return reflect.DeepEqual(v, wanted) })
			}
		}
		return !slices.ContainsFunc(before, lacks(after)) && !slices.ContainsFunc(after, lacks(before))
	}
	return reflect.DeepEqual(older, newer)
}

// BreaksOf compares the contract in one folder with that in another. It returns the breaks by file.
func BreaksOf(older, newer string) (map[string][]string, error) {
	files, err := filepath.Glob(filepath.Join(older, "schemas", "*.json"))
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, file := range append(files, filepath.Join(older, "asyncapi.yaml")) {
		name, err := filepath.Rel(older, file)
		if err != nil {
			return nil, err
		}
		before, err := decodeFile(file)
		if err != nil {
			return nil, err
		}
		after, err := decodeFile(filepath.Join(newer, name))
		if os.IsNotExist(err) {
			found[name] = []string{"the file is gone"}
			continue
		}
		if err != nil {
			return nil, err
		}
		if list := Breaks(before, after); len(list) > 0 {
			found[name] = list
		}
	}
	return found, nil
}

// decodeFile decodes a JSON or YAML file to the types of encoding/json, so that numbers compare.
func decodeFile(path string) (any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil { // JSON is YAML
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	text, err = json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	err = json.Unmarshal(text, &value)
	return value, err
}
