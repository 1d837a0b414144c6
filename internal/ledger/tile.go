package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is fixed by c2sp.org/tlog-tiles: 256 hashes a tile.
const tileHeight = 8

// Tile returns the hashes of a tile, 32 bytes each. path is "tile/H/L/N[.p/W]" with H 8, or the C2SP form
// "tile/L/N[.p/W]"; N is written in groups of three digits, x001/x234/067. ErrNotFound when the path is no tile or
// the tree is not that large yet. Entry bundles are not published: leaves hold what only parties may see.
func (l *Log) Tile(ctx context.Context, path string) ([]byte, error) {
	tile, err := parseTile(path)
	if err != nil {
		return nil, err
	}
	head, err := readHead(ctx, l.opts.Pool)
	if err != nil {
		return nil, err
	}
	const levels = 63 / tileHeight
	if tile.L < 0 || tile.L > levels || tile.N > head.Size || tile.N<<tileHeight+int64(tile.W) > head.Size>>(tileHeight*tile.L) {
		return nil, fmt.Errorf("tile %s in a tree of %d: %w", path, head.Size, ErrNotFound)
	}
	data, err := tlog.ReadTileData(tile, hashReader(ctx, l.opts.Pool))
	if err != nil {
		return nil, fmt.Errorf("ledger: tile %s: %w", path, err)
	}
	return data, nil
}

func parseTile(path string) (tlog.Tile, error) {
	const longest = 100
	rest := strings.TrimPrefix(strings.TrimPrefix(path, "/"), "tile/")
	if len(rest) <= longest {
		candidates := []string{"tile/" + rest}
		if _, n, ok := strings.Cut(rest, "/"); ok && (strings.HasPrefix(n, "x") || len(n) >= 3 && !strings.Contains(n[:3], "/")) {
			candidates = []string{"tile/8/" + rest} // the second part is N: the form without a height
		}
		for _, c := range candidates {
			if tile, err := tlog.ParseTilePath(c); err == nil && tile.H == tileHeight {
				return tile, nil
			}
		}
	}
	return tlog.Tile{}, errors.Join(fmt.Errorf("path %q is no tile", path), ErrNotFound)
}
