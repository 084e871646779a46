// Package near guesses what a mistyped word was meant to be.
package near

import "strings"

// Typo returns the candidate that a word was probably meant to be, and nothing where none is near enough. A candidate may be a
// third of its length away, three edits at most. Case, hyphens and underscores do not count.
func Typo(word string, candidates []string) string {
	best, least := "", 4
	plain := fold(word)
	for _, candidate := range candidates {
		other := fold(candidate)
		if n := Edits(plain, other, least); n < least && n <= max(1, len(other)/3) {
			best, least = candidate, n
		}
	}
	return best
}

// Name is Typo, and else the one candidate that holds the word as a part of it: backend is backendType, interval refreshInterval.
func Name(word string, candidates []string) string {
	if meant := Typo(word, candidates); meant != "" {
		return meant
	}
	const shortest = 4 // letters: key is a part of too much
	part, found := fold(word), ""
	if len(part) < shortest {
		return ""
	}
	for _, candidate := range candidates {
		if !strings.Contains(fold(candidate), part) {
			continue
		}
		if found != "" {
			return ""
		}
		found = candidate
	}
	return found
}

func fold(word string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(word))
}

// Edits counts the bytes to insert, remove, replace or swap with the next one to make b of a, as far as most.
func Edits(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], most)
}
