/* track.h: words of a message in which links lead over this system. No I/O. */
#ifndef AGENTS_ENGAGE_DELIVERY_TRACK_H
#define AGENTS_ENGAGE_DELIVERY_TRACK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

C_BEGIN

#define TRACK_LINKS_MAX 200 /* in one part of a message; those after it stay as they are */
#define TRACK_URL_MAX 2048  /* longer ones stay as they are */

/* Gives what stands for a link, in memory that lasts as long as the part is read. NULL: it stays as it is. */
struct tracker {
    const char *(*replace)(void *arg, struct str url);
    void *arg;
};

/* Copies a text, or a page of HTML as templates make them, with each link to http or https replaced: in a
 * page where it is the target of <a> or <area>. Links that no browser would read as we do stay as they are.
 */
void track_text(struct buf *to, struct str text, const struct tracker *t);
void track_html(struct buf *to, struct str html, const struct tracker *t);

/* The page with a picture at its end. */
void track_picture(struct buf *to, struct str html, const char *url);

C_END
#endif
