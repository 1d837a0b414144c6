package record

import (
	"slices"
	"time"
)

func sortByTime[T any](l []T, at func(T) time.Duration) {
	slices.SortStableFunc(l, func(a, b T) int { return int(at(a) - at(b)) })
}
