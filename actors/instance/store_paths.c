/*
 * store_paths.c - folders of a store as given, kept and resolved; pure
 */
#include "actors/instance/store_paths.h"

#include "base/unicode.h"

#define COMPONENT_MAX 255

void
av_store_paths_release(av_store_paths *self)
{
    free(self->content);
    free(self->database);
    free(self->index);
    *self = (av_store_paths){ 0 };
}

static bool
is_text(const char *s)
{
    if (!av_utf8_valid(av_span_str(s)))
        return false;
    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return false;
    return true;
}

bool
av_store_path_is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

av_errc
av_store_path_normalize(const char *given, char **ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    bool below = given[0] == '~';
    const char *p = below ? given + 1 : given;
    size_t n;

    if (strlen(given) > AV_STORE_PATH_MAX || !is_text(given))
        return av_error_set(err, AV_ERR_INVALID,
            "a folder of a store is at most %d bytes of UTF-8 without control characters", AV_STORE_PATH_MAX);
    if (p[0] != '/' && !(below && (p[0] == '\\' || p[0] == '\0')))
        return av_error_set(err, AV_ERR_INVALID,
            "\"%.150s\" is not the path of a folder: give an absolute one, or ~/NAME for one in the base directory",
            given);
    av_buf_init(&out, AV_STORE_PATH_MAX + 2);
    (void)av_buf_puts(&out, below ? "~" : "");
    while (*p != '\0') {
        while (*p == '/' || (below && *p == '\\'))
            p++;
        n = strcspn(p, below ? "/\\" : "/");
        if (n == 0)
            break;
        if (n > COMPONENT_MAX || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return av_error_set(err, AV_ERR_INVALID, "\"%.150s\": a part of this path cannot be a folder", given);
        (void)av_buf_putc(&out, '/');
        (void)av_buf_append(&out, p, n);
        p += n;
    }
    if (out.n <= (below ? 1U : 0U))
        return av_error_set(err, AV_ERR_INVALID, "\"%.150s\" cannot be the folder of a store: name one in it", given);
    if (out.full)
        return av_error_set(err, AV_ERR_INVALID, "a folder of a store has at most %d bytes", AV_STORE_PATH_MAX);
    *ret = av_xstrdup(av_buf_cstr(&out));
    return AV_OK;
}

char *
av_store_path_resolve(const char *base_dir, const char *kept)
{
    return kept[0] == '~' ? av_xasprintf("%s%s", base_dir, kept + 1) : av_xstrdup(kept);
}

bool
av_store_path_overlaps(const char *a, const char *b)
{
    size_t n = AV_MIN(strlen(a), strlen(b));

    if (strncmp(a, b, n) != 0)
        return false;
    return (a[n] == '\0' || a[n] == '/') && (b[n] == '\0' || b[n] == '/');
}

static av_errc
take_one(const char *given, const char *root, const char *leaf, char **ret, av_error *err)
{
    if (av_store_path_is_given(given))
        return av_store_path_normalize(given, ret, err);
    *ret = av_xasprintf("%s/%s", root, leaf);
    return AV_OK;
}

av_errc
av_store_paths_take(const char *path, const char *database, const char *content, const char *index,
    const char *fallback, av_store_paths *ret, av_error *err)
{
    AV_CLEANUP(av_store_paths_release) av_store_paths self = { 0 };
    AV_CLEANUP(av_free) char *root = NULL;
    const char *given = av_store_path_is_given(path) ? path : NULL;
    av_errc rc = AV_OK;

    /* The later form of the known functions: databasePath alone is the folder of the whole store. */
    if (given == NULL && av_store_path_is_given(database) && !av_store_path_is_given(content) &&
        !av_store_path_is_given(index)) {
        given = database;
        database = NULL;
    }
    if (given == NULL)
        given = fallback;
    if (given == NULL &&
        !(av_store_path_is_given(database) && av_store_path_is_given(content) && av_store_path_is_given(index)))
        return av_error_set(
            err, AV_ERR_INVALID, "path is missing: the folder of the store, or all of its three folders");
    if (given != NULL)
        rc = av_store_path_normalize(given, &root, err);
    if (rc == AV_OK)
        rc = take_one(content, root, "content", &self.content, err);
    if (rc == AV_OK)
        rc = take_one(database, root, "database", &self.database, err);
    if (rc == AV_OK)
        rc = take_one(index, root, "index", &self.index, err);
    if (rc != AV_OK)
        return rc;
    assert(self.content != NULL && self.database != NULL && self.index != NULL);
    if (av_store_path_overlaps(self.content, self.database) || av_store_path_overlaps(self.content, self.index) ||
        av_store_path_overlaps(self.database, self.index))
        return av_error_set(err, AV_ERR_INVALID,
            "database, content and index of a store need folders of their own, none inside another");
    *ret = self;
    memset(&self, 0, sizeof self);
    return AV_OK;
}

char *
av_store_path_propose(const char *under, const char *name)
{
    AV_CLEANUP(av_buf_release) av_buf leaf = { 0 };

    av_buf_init(&leaf, COMPONENT_MAX + 1);
    for (const char *p = name; *p != '\0'; p++)
        (void)av_buf_putc(&leaf, strchr("/\\~:*?\"<>| ", *p) != NULL || (unsigned char)*p < ' ' ? '-' : (uint8_t)*p);
    if (leaf.n == 0 || leaf.p[0] == '.') /* "..", and nothing hidden */
        return av_xasprintf("%s/store-%.*s", under, (int)leaf.n, (const char *)leaf.p);
    return av_xasprintf("%s/%s", under, av_buf_cstr(&leaf));
}

av_errc
av_store_name_check(const char *name, av_error *err)
{
    size_t n = strlen(name);

    if (n == 0 || n > 255 || !is_text(name) || name[0] == ' ' || name[n - 1] == ' ')
        return av_error_set(err, AV_ERR_INVALID,
            "the name of a store is 1 to 255 bytes of UTF-8 without control characters and spaces at its ends");
    return AV_OK;
}
