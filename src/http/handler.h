#pragma once
/* http/handler.h: libmicrohttpd's calls for one request, from its line to its end. */
#include <microhttpd.h>
#include <stddef.h>

/* self: struct ori_http_server. */
void *ori_handler_target(void *self, const char *target, struct MHD_Connection *connection);
enum MHD_Result ori_handler_access(void *self, struct MHD_Connection *connection, const char *path,
                                   const char *method, const char *version, const char *data,
                                   size_t *bytes, void **context);
void ori_handler_completed(void *self, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode code);
void ori_handler_connection(void *self, struct MHD_Connection *connection, void **context,
                            enum MHD_ConnectionNotificationCode code);
enum MHD_Result ori_handler_accept(void *self, const struct sockaddr *address, socklen_t bytes);
/* What the threads of both desks do with an exchange. */
void ori_handler_work(void *exchange);
