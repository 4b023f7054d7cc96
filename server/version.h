/* version.h: the build, as every decision carries it. Raise it with each release. */
#ifndef SERVER_VERSION_H
#define SERVER_VERSION_H

#define CODE_VERSION "0.1.0"

#endif
