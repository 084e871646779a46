package admit

// forgetConverted removes what the previous manifest set by a deprecated field and this one sets no
// more. An applier removes what the previous manifest set, but knows the deprecated names
// only: properties replaced by dataFrom would leave the old data behind.
func (c *converter) forgetConverted() {
	before, now := c.previous.converted(c.table), c.manifest.converted(c.table)
	for _, name := range topLevel(c.table) {
		if below := before[name]; len(below) > 0 {
			forget(c.object, shape{name: below}, c.previous, now, c.others)
		}
	}
}

// forget removes the leaves of before that none of the other shapes has, and the objects which that
// leaves empty. What the applier wrote under its real name is the applier's own business, what
// others hold is theirs.
func forget(object map[string]any, before, written, now, others shape) {
	for name, below := range before {
		if members, ok := object[name].(map[string]any); ok && len(below) > 0 {
			if whole, set := now[name]; set && len(whole) == 0 {
				continue
			}
			forget(members, below, written[name], now[name], others[name])
			if len(members) > 0 {
				continue
			}
		}
		if !now.names(name) && !written.names(name) && !others.names(name) {
			delete(object, name)
		}
	}
}
