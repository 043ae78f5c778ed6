package infra

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// owner is the user that Postgres runs as: the current user, unless that is root, which Postgres refuses.
type owner struct {
	other    bool // whether it differs from the current user
	uid, gid int
}

// clusterOwner returns the zero owner (the current user); for root, the user postgres or nobody.
func clusterOwner() (owner, error) {
	if os.Geteuid() != 0 {
		return owner{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(found.Uid)
		gid, gidErr := strconv.Atoi(found.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return owner{}, err
		}
		return owner{other: true, uid: uid, gid: gid}, nil
	}
	return owner{}, errors.New("postgres refuses to run as root, and there is no user postgres or nobody to run it as: run this as another user")
}

// attributes returns the attributes that make a child run as the owner.
func (o owner) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{}
	if o.other {
		attr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid), NoSetGroups: false}
	}
	return attr
}

// makeHome makes the directory dir and returns its path. If the owner cannot reach dir, as in a checkout below /root, makeHome
// instead makes a directory in /var/lib/comanda whose name is derived from dir.
func (o owner) makeHome(dir string) (string, error) {
	if !o.other {
		return dir, os.MkdirAll(dir, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	closed, err := closedParent(dir)
	if err != nil {
		return "", err
	}
	if closed != "" {
		sum := sha256.Sum256([]byte(dir))
		dir = filepath.Join("/var/lib/comanda", hex.EncodeToString(sum[:4])+"-"+filepath.Base(dir))
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// closedParent returns the nearest directory above dir that other users cannot search; "" without one. It opens the temporary
// directories of tests (below os.TempDir) to all users instead of returning them.
func closedParent(dir string) (string, error) {
	temporary := filepath.Clean(os.TempDir()) + string(filepath.Separator)
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil {
			return "", err
		}
		if info.Mode()&0o001 == 0 {
			if !strings.HasPrefix(parent, temporary) {
				return parent, nil
			}
			if err := os.Chmod(parent, info.Mode().Perm()|0o111); err != nil {
				return "", err
			}
		}
		if parent == filepath.Dir(parent) {
			return "", nil
		}
	}
}

// chown makes the owner the owner of a file, or of a directory with all its content. If the owner is the current user, chown only
// checks that path belongs to it.
func (o owner) chown(path string) error {
	if !o.other {
		return checkOwnership(path)
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == o.uid {
			return nil
		}
		return os.Lchown(name, o.uid, o.gid)
	})
}

// checkOwnership returns an error if path belongs to another user, as after an earlier run as root.
func checkOwnership(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d: give it to user %d (chown -R), or remove it", path, stat.Uid, os.Geteuid())
	}
	return nil
}

// makeReadable lets every user read the downloaded files in dir and execute the programs among them. It does nothing if the owner
// is the current user, who downloaded them.
func (o owner) makeReadable(dir string) error {
	if !o.other {
		return nil
	}
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if info.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(name, mode)
	})
}
