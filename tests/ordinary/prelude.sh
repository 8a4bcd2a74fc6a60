# What the scripts share.

# The id of a container is nothing that anybody reads here.
quiet() { "$@" >/dev/null; }

# typed COMMAND: what a person types on a terminal; the keys come from the input.
typed() { timeout 20 script -qec "$1" /dev/null; }

# compose_create SERVICE [options] IMAGE [command]: the call and the labels of docker compose, project "shop".
compose_create() {
    service=$1
    shift
    quiet docker create --name "shop-$service-${number:-1}" --network shop_default --network-alias "$service" \
        --label com.docker.compose.project=shop --label "com.docker.compose.service=$service" \
        --label "com.docker.compose.container-number=${number:-1}" --label com.docker.compose.oneoff=False \
        --label com.docker.compose.version=2.27.0 --label com.docker.compose.project.working_dir=/srv/shop \
        --label com.docker.compose.project.config_files=/srv/shop/compose.yaml \
        --label com.docker.compose.config-hash=3d9f1c6f8e3b --label com.docker.compose.depends_on= "$@"
}

compose_network() {
    quiet docker network create --label com.docker.compose.project=shop --label com.docker.compose.network=default \
        --label com.docker.compose.version=2.27.0 shop_default
}

compose_volume() {
    quiet docker volume create --label com.docker.compose.project=shop --label com.docker.compose.volume=data shop_data
}

# A shop of three services.
compose_up() {
    compose_network
    compose_volume
    compose_create db --volume shop_data:/data --env POSTGRES_PASSWORD=geheim "$APP" server
    compose_create cache "$APP" server
    compose_create web --publish 127.0.0.1:8080:80 --env DATABASE_URL=postgres://shop:geheim@db/shop "$APP" server
    quiet docker start shop-db-1 shop-cache-1
    quiet docker start shop-web-1
}

compose_stop() { quiet docker stop shop-web-1 && quiet docker stop shop-cache-1 shop-db-1; }

compose_down() {
    compose_stop
    quiet docker rm shop-web-1 shop-cache-1 shop-db-1
    quiet docker network rm shop_default
}

# build [options]: the Dockerfile comes from the input.
build() { cat >Dockerfile && docker build "$@" .; }

# app [options]: a container that is there.
app() { quiet docker run --detach --init --name app "$@" "$APP" sleep 600; }

# healthy COMMAND [options]: a server with a health check.
healthy() {
    check=$1
    shift
    docker run --detach --name web --health-cmd "$check" --health-interval 300ms "$@" "$APP" server
}
