package protocol

// Object calls each for every member of the JSON object b, in order, until each returns false: key decoded, value raw.
// Both alias b unless the key has escapes. It returns false if b is no object; members before the fault have been seen
// then. A repeated key is seen every time: the last one counts.
func Object(b []byte, each func(key, value []byte) bool) bool {
	i := space(b, 0)
	if i == len(b) || b[i] != '{' {
		return false
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return space(b, i+1) == len(b)
	}
	for {
		if i = space(b, i); i == len(b) || b[i] != '"' {
			return false
		}
		keyEnd := skipString(b, i+1)
		value := skipColon(b, keyEnd)
		if value < 0 {
			return false
		}
		key := decodeString(b[i:keyEnd])
		value = space(b, value)
		end := skip(b, value)
		if end < 0 {
			return false
		}
		if !each(key, b[value:end]) {
			return true
		}
		if i = space(b, end); i == len(b) {
			return false
		}
		if b[i] == '}' {
			return space(b, i+1) == len(b)
		}
		if b[i] != ',' {
			return false
		}
		i++
	}
}

// Array calls each for every element of the JSON array b, in order, until each returns false: raw, aliasing b. It returns
// false if b is no array.
func Array(b []byte, each func(value []byte) bool) bool {
	i := space(b, 0)
	if i == len(b) || b[i] != '[' {
		return false
	}
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return space(b, i+1) == len(b)
	}
	for {
		i = space(b, i)
		end := skip(b, i)
		if end < 0 {
			return false
		}
		if !each(b[i:end]) {
			return true
		}
		if i = space(b, end); i == len(b) {
			return false
		}
		if b[i] == ']' {
			return space(b, i+1) == len(b)
		}
		if b[i] != ',' {
			return false
		}
		i++
	}
}

// StringValue returns a copy of the value of the JSON string b; ok is false if b is no string.
func StringValue(b []byte) (s string, ok bool) {
	b = b[space(b, 0):]
	if len(b) == 0 || b[0] != '"' {
		return "", false
	}
	end := skipString(b, 1)
	if end < 0 || space(b, end) != len(b) {
		return "", false
	}
	return string(decodeString(b[:end])), true
}
