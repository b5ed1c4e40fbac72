# conf_manual.awk - makes popinjay.conf(5) of proxy.conf.sample, so that a key
# is described in one place.
#
#   awk -f conf_manual.awk -v version=VERSION proxy.conf.sample
#
# What it understands of the sample:
#   ; text             a paragraph; one line ";" stands between two of them
#   ; word  text       a value and what it means; goes on in indented lines
#   ;   text           a line to be copied as it is
#   ; -----            what follows belongs to the next section
#   [section]          with the paragraphs before it
#   key = value        with the paragraphs before it; several keys in
#   ;key = default     neighbouring lines share them
# A key without a paragraph is an example of one that has been described.

function escaped(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/'/, "\\(aq", text)
    return text
}

# A line of text must not begin as a request does.
function say(text)
{
    text = escaped(text)
    print text ~ /^[.]/ ? "\\&" text : text
}

function list_ends()
{
    if (in_list)
        print ".RE"
    in_list = 0
}

# Prints the paragraphs collected in comment[1..comments].
function describe(    i, text)
{
    in_list = 0
    for (i = 1; i <= comments; i++) {
        text = comment[i]
        if (text == "") {
            list_ends()
            print paragraph
        } else if (text ~ /^   ? ?[^ ]/ && !in_list) {
            print ".EX"
            say(text)
            print ".EE"
        } else if (text ~ /^[^ ]+   *[^ ]/ && text ~ /^[a-z0-9._]+  /) {
            if (!in_list)
                print ".RS"
            in_list = 1
            print ".TP"
            print ".B " escaped(substr(text, 1, index(text, " ") - 1))
            sub(/^[^ ]+ */, "", text)
            say(text)
        } else if (in_list && text ~ /^ /) {
            sub(/^ */, "", text)
            say(text)
        } else {
            if (in_list) {
                list_ends()
                print paragraph
            }
            say(text)
        }
    }
    list_ends()
    comments = 0
}

# The line of a key: its name, and the value that it shows.
function headline(line,    name, value)
{
    sub(/^;/, "", line)
    name = line
    sub(/ *=.*/, "", name)
    value = line
    sub(/^[^=]*= */, "", value)
    return value == "" ? ".B " name : ".BR " name " \" = " escaped(value) "\""
}

# Prints the keys collected in key[1..key_count] and what is said of them.
function tell_keys(    i)
{
    for (i = 1; comments && i <= key_count; i++) {
        print i == 1 ? ".TP" : ".TQ"
        print headline(key[i])
    }
    key_count = 0
    paragraph = ".IP"
    describe()
}

BEGIN {
    paragraph = ".PP"
    print ".\\\" Made from proxy.conf.sample by conf_manual.awk."
    print ".TH POPINJAY.CONF 5 \"\" \"popinjay " version "\""
    print ".SH NAME"
    print "popinjay.conf \\- the configuration of popinjay"
    print ".SH DESCRIPTION"
    print ".BR popinjay (8)"
    print "is told with"
    print ".B \\-c"
    print "which file to read; its package reads"
    print ".IR /etc/popinjay/proxy.conf ."
    print "The values shown below are the defaults, or examples where there is"
    print "no default."
    print ".PP"
    getline # what the file is: said above
}

key_count && !/^;?[a-z_0-9]+ *=/ {
    tell_keys()
}

/^; -----/ {
    if (!section)
        describe()
    next
}

/^;( |$)/ {
    text = $0
    sub(/^; ?/, "", text)
    if (comments > 0 || text != "")
        comment[++comments] = text
    next
}

/^\[/ {
    name = $0
    sub(/^\[/, "", name)
    sub(/[] ].*/, "", name)
    if (name != section) {
        print ".SH [" name (index($0, " ") ? " NAME" : "") "]"
        section = name
        paragraph = ".PP"
        describe()
    }
    comments = 0
    next
}

/^;?[a-z_0-9]+ *=/ {
    key[++key_count] = $0
}

END {
    tell_keys()
    print ".SH SEE ALSO"
    print ".BR popinjay (8)"
}
