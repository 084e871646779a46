package admit

import "github.com/secretgate/secretgate/shared/dialect"

// lookup finds a field's value. Null, and an empty object, are absent, which is nil. It is not ok
// where something on the way is no object.
func lookup(object map[string]any, p dialect.Path) (value any, ok bool) {
	for i, name := range p {
		value = object[name]
		if value == nil {
			return nil, true
		}
		if i == len(p)-1 {
			break
		}
		if object, ok = value.(map[string]any); !ok {
			return nil, false
		}
	}
	if members, isObject := value.(map[string]any); isObject && len(members) == 0 {
		return nil, true
	}
	return value, true
}

// set sets a field that lookup can reach, and makes the objects on the way.
func set(object map[string]any, p dialect.Path, value any) {
	for _, name := range p[:len(p)-1] {
		members, ok := object[name].(map[string]any)
		if !ok {
			members = map[string]any{}
			object[name] = members
		}
		object = members
	}
	object[p[len(p)-1]] = value
}

// remove removes a field that lookup can reach.
func remove(object map[string]any, p dialect.Path) {
	for _, name := range p[:len(p)-1] {
		object, _ = object[name].(map[string]any)
	}
	delete(object, p[len(p)-1])
}
