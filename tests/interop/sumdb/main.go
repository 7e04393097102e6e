// Command sumdb verifies a log of the Cryptlet Fabric with the packages behind Go's checksum database,
// golang.org/x/mod/sumdb/note and tlog. It knows docs/spec/log.md and no code of the fabric.
//
//	sumdb [-witness KEY]... [-since FILE] -key KEY FOLDER
//	sumdb -key KEY -proof FILE.tlog-proof ENTRY
//
// The first form opens the checkpoint of a published folder, reads every tile and every entry, and proves
// each entry and each earlier size of the tree. The second opens the checkpoint of a proof in a file.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type options struct {
	key       string
	witnesses keys
	since     string
	proof     string
}

type keys []string

func (k *keys) String() string { return strings.Join(*k, " ") }

func (k *keys) Set(key string) error {
	*k = append(*k, key)
	return nil
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("sumdb: ")
	var opts options
	flag.StringVar(&opts.key, "key", "", "the log's key, as name+id+key")
	flag.Var(&opts.witnesses, "witness", "a witness' key, as name+id+key; may be repeated")
	flag.StringVar(&opts.since, "since", "", "a file with an earlier checkpoint")
	flag.StringVar(&opts.proof, "proof", "", "a .tlog-proof of the entry")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	said, err := verify(opts, flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(said)
}

func verify(opts options, path string) (string, error) {
	opener, err := newOpener(opts.key, opts.witnesses)
	if err != nil {
		return "", err
	}
	if opts.proof != "" {
		return verifyProof(opener, opts.proof, path)
	}
	return verifyFolder(opener, opts.since, path)
}

// opener opens checkpoints of one log.
type opener struct {
	log       note.Verifier
	witnesses []note.Verifier
}

func newOpener(key string, witnesses []string) (*opener, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("the log's key: %w", err)
	}
	o := &opener{log: verifier}
	for _, key := range witnesses {
		witness, err := newCosignatureVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("a witness' key: %w", err)
		}
		o.witnesses = append(o.witnesses, witness)
	}
	return o, nil
}

// open gives the tree of a checkpoint that the log and every known witness have signed.
func (o *opener) open(checkpoint []byte) (tlog.Tree, error) {
	all := append([]note.Verifier{o.log}, o.witnesses...)
	opened, err := note.Open(checkpoint, note.VerifierList(all...))
	if err != nil {
		return tlog.Tree{}, err
	}
	signed := map[string]bool{}
	for _, signature := range opened.Sigs {
		signed[signature.Name] = true
	}
	for _, verifier := range all {
		if !signed[verifier.Name()] {
			return tlog.Tree{}, fmt.Errorf("%s has not signed the checkpoint", verifier.Name())
		}
	}
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != o.log.Name() {
		return tlog.Tree{}, fmt.Errorf("the origin is %q, the key's name %q", origin, o.log.Name())
	}
	// The checksum database writes its name where other logs have their origin; the rest is the same.
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

func verifyFolder(o *opener, since, path string) (string, error) {
	folder := folder(path)
	checkpoint, err := os.ReadFile(folder.file("checkpoint"))
	if err != nil {
		return "", err
	}
	tree, err := o.open(checkpoint)
	if err != nil {
		return "", err
	}
	hashes := tlog.TileHashReader(tree, folder)
	if err := verifyEntries(tree, hashes, folder); err != nil {
		return "", err
	}
	if err := verifySizes(tree, hashes); err != nil {
		return "", err
	}
	if since != "" {
		if err := verifySince(o, tree, hashes, since); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d entries of %s, %d cosignatures", tree.N, o.log.Name(), len(o.witnesses)), nil
}

// verifyEntries proves every entry of every bundle.
func verifyEntries(tree tlog.Tree, hashes tlog.HashReader, folder folder) error {
	for first := int64(0); first < tree.N; first += tileWidth {
		entries, err := folder.readEntries(first, tree.N)
		if err != nil {
			return err
		}
		for offset, entry := range entries {
			index := first + int64(offset)
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
			if err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
		}
	}
	return nil
}

// verifySizes proves that the tree extends the tree of every smaller size.
func verifySizes(tree tlog.Tree, hashes tlog.HashReader) error {
	for size := int64(1); size <= tree.N; size++ {
		root, err := tlog.TreeHash(size, hashes)
		if err != nil {
			return fmt.Errorf("size %d: %w", size, err)
		}
		if err := verifyExtends(tree, hashes, tlog.Tree{N: size, Hash: root}); err != nil {
			return err
		}
	}
	return nil
}

func verifyExtends(tree tlog.Tree, hashes tlog.HashReader, earlier tlog.Tree) error {
	proof, err := tlog.ProveTree(tree.N, earlier.N, hashes)
	if err != nil {
		return fmt.Errorf("size %d: %w", earlier.N, err)
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, earlier.N, earlier.Hash); err != nil {
		return fmt.Errorf("size %d: %w", earlier.N, err)
	}
	return nil
}

func verifySince(o *opener, tree tlog.Tree, hashes tlog.HashReader, since string) error {
	checkpoint, err := os.ReadFile(since)
	if err != nil {
		return err
	}
	earlier, err := (&opener{log: o.log}).open(checkpoint)
	if err != nil {
		return fmt.Errorf("the earlier checkpoint: %w", err)
	}
	if earlier.N > tree.N {
		return fmt.Errorf("the log had %d entries, now %d", earlier.N, tree.N)
	}
	return verifyExtends(tree, hashes, earlier)
}

func verifyProof(o *opener, proofPath, entryPath string) (string, error) {
	content, err := os.ReadFile(proofPath)
	if err != nil {
		return "", err
	}
	entry, err := os.ReadFile(entryPath)
	if err != nil {
		return "", err
	}
	head, checkpoint, found := bytes.Cut(content, []byte("\n\n"))
	if !found {
		return "", errors.New("the proof has no checkpoint")
	}
	index, proof, err := parseProof(string(head))
	if err != nil {
		return "", err
	}
	tree, err := o.open(checkpoint)
	if err != nil {
		return "", err
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return "", err
	}
	return fmt.Sprintf("entry %d of %s", index, o.log.Name()), nil
}

// parseProof reads what stands before the checkpoint of a c2sp.org/tlog-proof.
func parseProof(head string) (int64, tlog.RecordProof, error) {
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, nil, errors.New("this is not a proof of c2sp.org/tlog-proof@v1")
	}
	var index int64
	if _, err := fmt.Sscanf(lines[1], "index %d", &index); err != nil {
		return 0, nil, fmt.Errorf("the proof has no index: %w", err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, nil, err
		}
		proof = append(proof, hash)
	}
	return index, proof, nil
}
