/*
 * charset.h - bytes in a declared charset to UTF-8
 *
 * Never fails on content: malformed bytes become U+FFFD. us-ascii, UTF-8 and windows-1252 are done here, all else by
 * glibc's iconv. As browsers do it: iso-8859-1 is read as windows-1252, gb2312 and gbk as GB18030; an undeclared or
 * unknown charset, and 8-bit bytes in us-ascii, are UTF-8 if valid, else windows-1252.
 */
#ifndef AV_STORAGE_MIME_CHARSET_H
#define AV_STORAGE_MIME_CHARSET_H

#include "base/buf.h"

/*
 * Append in, declared as charset (empty: undeclared; letter case, quotes and blanks around it ignored), to out as valid
 * UTF-8. NUL bytes of the result become U+FFFD. Appends what fits; false when out is full: it then ends at a whole
 * character.
 */
bool av_charset_to_utf8(av_span charset, av_span in, av_buf *out);
/* Is it a charset av_charset_to_utf8 can read, not merely guess at? */
bool av_charset_is_known(av_span charset);
/* Raw 8-bit text of unknown origin: UTF-8 if valid, else windows-1252. The same as with an empty charset. */
bool av_charset_guess(av_span in, av_buf *out);

#endif
