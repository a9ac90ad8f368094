# Waits until the files of the run have been unpacked into /tmp/in.
umask 022
mkfifo /tmp/go 2>/dev/null || :
read -r _ </tmp/go || :
touch /tmp/taken
rm -f /tmp/go
