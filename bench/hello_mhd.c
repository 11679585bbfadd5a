/* bench/hello_mhd.c: the least that GNU libmicrohttpd can do, as a yardstick for our server: one thread
 * on epoll answers every request with the same few bytes of JSON.
 * Use  hello_mhd: prints its port, serves until standard input ends */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char hello[] = "{\"status\":\"ok\",\"version\":\"0.0.0\",\"uptime_seconds\":0}";

static enum MHD_Result answer(void *self, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_data_size, void **request)
{
    (void)url;
    (void)method;
    (void)version;
    (void)upload_data;
    (void)upload_data_size;
    static char seen; /* its address marks the second call of a request */
    if (!*request) {
        *request = &seen;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, self);
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(hello), (void *)hello, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return 1;
    MHD_add_response_header(response, "Content-Type", "application/json");
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, response,
                         MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    if (!daemon)
        return 1;
    printf("%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    MHD_stop_daemon(daemon);
    MHD_destroy_response(response);
    return 0;
}
