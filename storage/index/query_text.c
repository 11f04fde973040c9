/*
 * query_text.c - the functions that build nodes with a text, and what such a text may hold
 */
#include "storage/index/fold.h"
#include "storage/index/phrase.h"
#include "storage/index/query_priv.h"
#include "storage/index/stem.h"

/* White space runs become one blank, none at the ends; in is NFC. */
static void
squeeze(av_span in, av_buf *out)
{
    bool gap = false;

    while (in.n > 0) {
        av_span rest = in;
        uint32_t c = av_utf8_next(&rest);

        if (av_query_is_space(c)) {
            gap = true;
        } else {
            if (gap && out->n > 0)
                (void)av_buf_putc(out, ' ');
            (void)av_buf_append(out, in.p, in.n - rest.n);
            gap = false;
        }
        in = rest;
    }
}

/* text checked, brought to NFC and, for words, to single blanks; owned memory in ret. */
static bool
take_text(av_query *self, av_span text, bool words, const char *what, av_span *ret)
{
    AV_CLEANUP(av_buf_release) av_buf nfc = { 0 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_span done;

    if (av_query_failed(self))
        return false;
    av_buf_init(&nfc, av_query_limits_of(self)->term_bytes * 4 + 16);
    av_buf_init(&out, av_query_limits_of(self)->term_bytes * 4 + 16);
    if (text.n > av_query_limits_of(self)->term_bytes)
        return av_query_fail(
                   self, AV_ERR_LIMIT, "%s is longer than %zu bytes", what, av_query_limits_of(self)->term_bytes),
               false;
    if (text.n > 0 && memchr(text.p, 0, text.n) != NULL)
        return av_query_fail(self, AV_ERR_INVALID, "%s holds a NUL byte", what), false;
    if (!av_unicode_nfc(text, &nfc))
        return av_query_fail(self, AV_ERR_INVALID, "%s is not valid UTF-8", what), false;
    if (words)
        squeeze(av_buf_span(&nfc), &out);
    done = words ? av_buf_span(&out) : av_buf_span(&nfc);
    if (done.n > av_query_limits_of(self)->term_bytes)
        return av_query_fail(
                   self, AV_ERR_LIMIT, "%s is longer than %zu bytes", what, av_query_limits_of(self)->term_bytes),
               false;
    *ret = av_span_of(av_span_dup(done), done.n);
    return true;
}

bool
av_query_is_searchable(av_span text)
{
    while (text.n > 0) {
        uint32_t c = av_utf8_next(&text);

        if (av_fold_is_letter(c) || (c >= 0x80 && !av_query_is_space(c)))
            return true;
    }
    return false;
}

static av_query_id
add_text(av_query *self, av_query_kind kind, av_span text, const char *what)
{
    av_span owned = { NULL, 0 };
    av_query_id id;

    if (!take_text(self, text, false, what, &owned))
        return AV_QUERY_NONE;
    id = owned.n == 0 ? av_query_fail(self, AV_ERR_INVALID, "%s is empty", what) : av_query_add(self, kind);
    if (id == AV_QUERY_NONE)
        free((void *)owned.p);
    else
        av_query_node_of(self, id)->text = owned;
    return id;
}

const char *
av_query_wrong_with(av_query_kind kind, av_span text)
{
    AV_CLEANUP(av_phrase_release) av_phrase phrase;
    const char *wrong = NULL;
    size_t words = 0;

    av_phrase_init(&phrase, kind, text);
    for (size_t i = 0; i < phrase.count && wrong == NULL; i++) {
        const av_phrase_item *item = &phrase.items[i];
        bool alone = kind == AV_QUERY_NEAR || kind == AV_QUERY_STEM;

        if (item->beside_pattern || (alone && item->kind == AV_PHRASE_ROW))
            wrong = alone ? "such words must be of a script that parts words by spaces"
                          : "no * or ? is needed beside letters of a script that does not part words";
        else if (item->kind == AV_PHRASE_MARK && alone)
            wrong = "such words may hold letters and digits alone";
        else if (item->kind == AV_PHRASE_WORD && !av_query_is_searchable(item->word.form))
            wrong = "* and ? need a letter or digit in the same word";
        words += item->kind == AV_PHRASE_WORD;
    }
    if (wrong == NULL && phrase.wildcards > AV_QUERY_WILDCARDS_MAX)
        wrong = "a search term has more than 8 wildcards";
    if (wrong == NULL && kind == AV_QUERY_NEAR && (words < 2 || words > AV_QUERY_NEAR_ITEMS_MAX))
        wrong = "NEAR takes 2 to 16 words";
    if (wrong == NULL && kind == AV_QUERY_STEM && words != 1)
        wrong = "~ takes one word";
    return wrong;
}

/* A leaf with a text that is searched in fields; what else it holds is the caller's to set. */
static av_query_id
add_searched(av_query *self, av_query_kind kind, uint32_t fields, av_span text)
{
    av_span owned = { NULL, 0 };
    const char *wrong;
    av_query_id id;

    if (fields == 0 || (fields & ~(uint32_t)AV_QUERY_IN_ALL) != 0)
        return av_query_fail(self, AV_ERR_INVALID, "a search term names no known field");
    if (!take_text(self, text, kind != AV_QUERY_SUBSTRING, "a search term", &owned))
        return AV_QUERY_NONE;
    wrong = kind == AV_QUERY_SUBSTRING       ? NULL
            : !av_query_is_searchable(owned) ? "a search term has no letter or digit"
            : kind != AV_QUERY_WORD          ? av_query_wrong_with(kind, owned)
                                             : NULL;
    id = wrong != NULL ? av_query_fail(self, AV_ERR_INVALID, "%s", wrong) : av_query_add(self, kind);
    if (id == AV_QUERY_NONE) {
        free((void *)owned.p);
        return id;
    }
    av_query_node_of(self, id)->fields = fields;
    av_query_node_of(self, id)->text = owned;
    return id;
}

static bool
is_words(av_query_kind kind)
{
    return kind == AV_QUERY_WORD || kind == AV_QUERY_PREFIX || kind == AV_QUERY_SUFFIX || kind == AV_QUERY_WILDCARD;
}

av_query_id
av_query_text(av_query *self, av_query_kind kind, uint32_t fields, av_span text)
{
    assert(is_words(kind) || kind == AV_QUERY_SUBSTRING);
    return add_searched(self, kind, fields, text);
}

/* A word that patterns see whole (match.h), and that is no pattern itself. */
static bool
is_plain(av_span text)
{
    size_t run = 0;

    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];

        if (c == '*' || c == '?')
            return false;
        run = c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ? run + 1 : 0;
        if (run > AV_TOKEN_MAX / 2)
            return false;
    }
    return true;
}

/* The character at the end of a text (its last, or its first) is of a word: what stands beside it may be, too. */
static bool
is_open(av_span text, bool last)
{
    size_t at = last ? text.n - 1 : 0;

    while (last && at > 0 && (text.p[at] & 0xC0) == 0x80)
        at--;
    text = av_span_skip(text, at);
    return av_fold_of(av_utf8_next(&text))->class == AV_FOLD_WORD;
}

av_query_id
av_query_contains(av_query *self, uint32_t fields, av_span text)
{
    AV_CLEANUP(av_buf_release) av_buf pattern = { 0 };
    bool left, right;

    if (text.n == 0)
        return av_query_all(self);
    if (text.n > av_query_limits_of(self)->term_bytes || !av_utf8_valid(text) || !is_plain(text) ||
        !av_query_is_searchable(text))
        return av_query_text(self, AV_QUERY_SUBSTRING, fields, text);
    left = is_open(text, false);
    right = is_open(text, true);
    av_buf_init(&pattern, text.n + 2);
    (void)((!left || av_buf_putc(&pattern, '*')) && av_buf_append_span(&pattern, text) &&
           (!right || av_buf_putc(&pattern, '*')));
    if ((left || right) && av_query_wrong_with(AV_QUERY_WILDCARD, av_buf_span(&pattern)) == NULL)
        return av_query_text(self, AV_QUERY_WILDCARD, fields, av_buf_span(&pattern));
    if (left || right)
        return av_query_text(self, AV_QUERY_SUBSTRING, fields, text);
    return av_query_text(self, AV_QUERY_WORD, fields, text);
}

av_query_id
av_query_near(av_query *self, uint32_t fields, uint32_t distance, av_span text)
{
    av_query_id id;

    if (distance < 1 || distance > AV_QUERY_NEAR_MAX)
        return av_query_fail(self, AV_ERR_INVALID, "the distance of NEAR is 1 to %d words", AV_QUERY_NEAR_MAX);
    id = add_searched(self, AV_QUERY_NEAR, fields, text);
    if (id != AV_QUERY_NONE)
        av_query_node_of(self, id)->distance = distance;
    return id;
}

av_query_id
av_query_stem(av_query *self, uint32_t fields, av_span languages, av_span text)
{
    av_span owned = { NULL, 0 };
    av_query_id id;

    if (languages.n == 0)
        languages = av_span_str(
            av_query_limits_of(self)->languages == NULL ? "english,german" : av_query_limits_of(self)->languages);
    if (!av_stem_languages_valid(languages))
        return av_query_fail(self, AV_ERR_INVALID, "\"%.*s\" are no languages whose stems are known",
            (int)AV_MIN(languages.n, (size_t)80), (const char *)languages.p);
    if (!take_text(self, languages, false, "a list of languages", &owned))
        return AV_QUERY_NONE;
    id = add_searched(self, AV_QUERY_STEM, fields, text);
    if (id == AV_QUERY_NONE)
        free((void *)owned.p);
    else
        av_query_node_of(self, id)->name = owned;
    return id;
}

/* Name and text under a new node; words: single blanks, and something to search for. */
static av_query_id
add_header(av_query *self, av_query_kind kind, av_query_kind how, av_span name, av_span text)
{
    av_span owned_name = { NULL, 0 }, owned = { NULL, 0 };
    bool words = kind == AV_QUERY_HEADER_WORD;
    const char *wrong = NULL;
    av_query_id id = AV_QUERY_NONE;

    if (take_text(self, name, false, "a header name", &owned_name) &&
        take_text(self, text, words, "a search term", &owned)) {
        if (name.n == 0)
            wrong = "a header name is empty";
        else if (words && !av_query_is_searchable(owned))
            wrong = "a search term has no letter or digit";
        else if (words)
            wrong = av_query_wrong_with(how, owned);
        id = wrong != NULL ? av_query_fail(self, AV_ERR_INVALID, "%s", wrong) : av_query_add(self, kind);
    }
    if (id == AV_QUERY_NONE) {
        free((void *)owned_name.p);
        free((void *)owned.p);
        return id;
    }
    av_query_node_of(self, id)->name = owned_name;
    av_query_node_of(self, id)->text = owned;
    av_query_node_of(self, id)->how = how;
    return id;
}

av_query_id
av_query_header(av_query *self, av_span name, av_span text)
{
    return add_header(self, AV_QUERY_HEADER, AV_QUERY_SUBSTRING, name, text);
}

av_query_id
av_query_header_word(av_query *self, av_span name, av_query_kind how, av_span text)
{
    if (!is_words(how))
        return av_query_fail(self, AV_ERR_INVALID, "a header cannot be searched in this way");
    return add_header(self, AV_QUERY_HEADER_WORD, how, name, text);
}

av_query_id
av_query_folder(av_query *self, av_span path)
{
    return add_text(self, AV_QUERY_FOLDER, path, "a folder name");
}

av_query_id
av_query_message_id(av_query *self, av_span id)
{
    return add_text(self, AV_QUERY_ID, id, "a message id");
}

av_query_id
av_query_thread(av_query *self, av_span id)
{
    return add_text(self, AV_QUERY_THREAD, id, "a thread id");
}

av_query_id
av_query_keyword(av_query *self, av_span keyword)
{
    return add_text(self, AV_QUERY_KEYWORD, keyword, "a keyword");
}
