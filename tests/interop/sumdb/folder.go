package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// folder is a published log as c2sp.org/tlog-tiles lays it out. It is a tlog.TileReader.
type folder string

func (f folder) file(path string) string {
	return filepath.Join(string(f), filepath.FromSlash(path))
}

func (f folder) Height() int { return tileHeight }

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := f.readTile(tile)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// readTile reads a tile; a partial one may have been dropped in favour of the full one.
func (f folder) readTile(tile tlog.Tile) ([]byte, error) {
	data, err := os.ReadFile(f.file(tilePath(tile)))
	if errors.Is(err, fs.ErrNotExist) && tile.W < tileWidth {
		full := tile
		full.W = tileWidth
		data, err = os.ReadFile(f.file(tilePath(full)))
	}
	if err != nil {
		return nil, err
	}
	if length := tile.W * tlog.HashSize; len(data) > length && len(data) == tileWidth*tlog.HashSize {
		data = data[:length]
	}
	return data, nil
}

// readEntries reads the bundle whose first entry is `first`, in a log of `size` entries.
func (f folder) readEntries(first, size int64) ([][]byte, error) {
	width := int(size - first)
	if width > tileWidth {
		width = tileWidth
	}
	// Level -1 is what the checksum database calls data.
	path := tilePath(tlog.Tile{H: tileHeight, L: -1, N: first / tileWidth, W: width})
	data, err := os.ReadFile(f.file(path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s is cut off", path)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	if len(entries) != width {
		return nil, fmt.Errorf("%s has %d entries", path, len(entries))
	}
	return entries, nil
}

// tilePath is the checksum database's path without the height, and with its other word for entries.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}
