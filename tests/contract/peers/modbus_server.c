/* A Modbus TCP server on libmodbus, for tests. Usage: modbus_server PORT (0: any free one).
 *
 * It prints "ready PORT" when it listens. Commands on standard input, one a line:
 *   holding ADDRESS VALUE   set a holding register
 *   mute                    answer nothing from now on
 * Tables hold 100 places each, so a read beyond is refused with "illegal data address".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

/* A float with its bytes in the given order on the wire, A the most significant. libmodbus' own modbus_set_float_*
 * name the orders from the other end. */
static void put(uint16_t *place, float value, const char *order)
{
    uint32_t bits;
    uint8_t wire[4];
    memcpy(&bits, &value, sizeof bits);
    for (int byte = 0; byte < 4; byte++)
        wire[byte] = (uint8_t)(bits >> (8 * ('D' - order[byte])));
    place[0] = (uint16_t)(wire[0] << 8 | wire[1]);
    place[1] = (uint16_t)(wire[2] << 8 | wire[3]);
}

static void fill(modbus_mapping_t *map)
{
    uint16_t *holding = map->tab_registers;
    holding[0] = 873;
    holding[1] = 65535;
    put(holding + 10, 1234.5f, "ABCD");
    put(holding + 12, NAN, "ABCD");
    put(holding + 20, 72.25f, "CDAB");
    put(holding + 22, 71.5f, "CDAB");
    put(holding + 30, 16.5f, "BADC");
    put(holding + 32, 9999.0f, "BADC");
    put(holding + 40, 1480.75f, "DCBA");
    put(holding + 42, 1500.0f, "DCBA");
    memcpy(holding + 50, (uint16_t[]){0x504B, 0x2D37, 0, 0}, 8); /* "PK-7" */
    holding[60] = 3;
    holding[61] = 77;
    holding[70] = 0x0001; /* 65536 * 1 + 2 */
    holding[71] = 0x0002;
    holding[80] = 5;
    map->tab_input_registers[0] = 253;
    map->tab_input_registers[1] = (uint16_t)-125;
    map->tab_bits[0] = 1;
    map->tab_input_bits[9] = 1;
}

int main(int argc, char **argv)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    char line[128];
    int mute = 0;
    modbus_t *context = modbus_new_tcp("127.0.0.1", argc > 1 ? atoi(argv[1]) : 0);
    modbus_mapping_t *map = modbus_mapping_new(100, 100, 100, 100);
    int listener = map ? modbus_tcp_listen(context, 5) : -1;
    if (listener < 0) {
        fprintf(stderr, "cannot listen: %s\n", modbus_strerror(errno));
        return 1;
    }
    fill(map);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("ready %d\n", ntohs(address.sin_port));
    fflush(stdout);

    fd_set all;
    FD_ZERO(&all);
    FD_SET(listener, &all);
    FD_SET(STDIN_FILENO, &all);
    int highest = listener;
    for (;;) {
        fd_set ready = all;
        if (select(highest + 1, &ready, NULL, NULL, NULL) < 0)
            return 1;
        if (FD_ISSET(STDIN_FILENO, &ready)) {
            int place, value;
            ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);
            if (length <= 0)
                return 0;
            line[length] = '\0';
            if (sscanf(line, "holding %d %d", &place, &value) == 2 && place >= 0 && place < 100)
                map->tab_registers[place] = (uint16_t)value;
            else if (strncmp(line, "mute", 4) == 0)
                mute = 1;
        }
        for (int peer = 0; peer <= highest; peer++) {
            if (peer == STDIN_FILENO || !FD_ISSET(peer, &ready))
                continue;
            if (peer == listener) {
                int fresh = accept(listener, NULL, NULL);
                if (fresh >= 0) {
                    FD_SET(fresh, &all);
                    highest = fresh > highest ? fresh : highest;
                }
                continue;
            }
            modbus_set_socket(context, peer);
            int length = modbus_receive(context, query);
            if (length > 0 && !mute) {
                modbus_reply(context, query, length, map);
            } else if (length < 0) {
                close(peer);
                FD_CLR(peer, &all);
            }
        }
    }
}
