//! The half of the operations that the program may be written against.

use super::operation::{Exceeds, Operation, operation};

pub const OPERATIONS: &[Operation] = &[
    operation(
        "stop: a program that does not hear SIGTERM",
        3,
        "quiet docker run -d --name app $APP sleep 600",
        "docker stop -t 1 app",
    ),
    operation(
        "restart: a server that ends in order",
        3,
        "quiet docker run -d --name app $APP server",
        "docker restart app",
    ),
    operation("rm -f: a running container", 3, "quiet docker run -d --name app $APP server", "docker rm -f app"),
    operation(
        "rm -f: twenty running containers",
        3,
        "for i in $(seq 20); do quiet docker run -d $APP sleep 600; done",
        "docker rm -f $(docker ps -aq)",
    ),
    operation(
        "kill -s USR1: logrotate has a server open its log anew",
        3,
        "quiet docker run -d --name web $APP server",
        "docker kill --signal=USR1 web",
    ),
    operation(
        "run: a unit of systemd that ends the client with SIGTERM",
        3,
        "",
        r#"
    docker run --rm --name app $APP server & client=$!
    until [ -n "$(docker ps -q --filter name=app)" ]; do :; done
    kill -TERM $client; wait $client || :"#,
    ),
    operation("run --rm: false", 3, "", "! docker run --rm $APP false"),
    operation(
        "run --rm: one command through a shell",
        6,
        "",
        r#"docker run --rm $APP sh -c "echo done > /tmp/x && cat /tmp/x""#,
    ),
    operation("run --rm: tests that fail", 3, "", "! docker run --rm --volume $PWD:/src --workdir /src $APP job 2"),
    operation("start: what had been stopped", 6, "app; docker stop app", "docker start app"),
    operation("start --attach: a job once more", 6, "docker run --name job $APP job", "docker start --attach job"),
    operation(
        "out of memory",
        7,
        "",
        r"
    ! docker run --name app --memory 12m --memory-swap 12m $APP \
        dd if=/dev/zero of=/dev/null bs=64M count=1",
    )
    .sees(1, "container oom"),
    operation("pause and unpause", 6, "app", "docker pause app && docker unpause app"),
    operation("rename", 6, "app", "docker rename app app-old"),
    operation(
        "wait, logs, port, diff, inspect, ps, images, stats",
        6,
        "quiet docker run -d --name job $APP job",
        r"
    docker wait job; docker logs job; docker port job; docker diff job; docker inspect job
    docker ps --all --size; docker images; docker stats --no-stream --all
    docker system df; docker info; docker version",
    ),
    operation("top", 6, "app", "docker top app"),
    operation(
        "attach: to a job until its end",
        6,
        "quiet docker run -d --name job $APP sleep 2",
        "docker attach --no-stdin job",
    ),
    operation("cp: a report out of a container", 6, "app", "docker cp app:/bin/job report"),
    operation("exec: a plain program as a user", 6, "app", "docker exec --user 1000 app id"),
    operation("exec --detach: a short task", 6, "app", "docker exec -d app true").sees(1, "container exec_die"),
    operation("exec: cache cleared in Redis", 6, "app", "docker exec app redis-cli FLUSHDB"),
    operation(
        "exec: a cron job of Nextcloud as its user",
        6,
        "app",
        "docker exec --user 33 app php -f /var/www/html/cron.php",
    ),
    operation(
        "exec --interactive: a dump is read back",
        6,
        "app",
        "echo 'select 1;' | docker exec -i app psql --username shop shop",
    ),
    operation(
        "exec: cron's pg_dump through a shell",
        7,
        "app",
        r#"docker exec app sh -c "pg_dump shop | gzip" > shop.sql.gz"#,
    ),
    operation(
        "exec: cron's mysqldump through a shell, password from the container",
        7,
        "app",
        r#"
    docker exec app sh -c 'exec mysqldump --all-databases -uroot -p"$MYSQL_ROOT_PASSWORD"' > all.sql"#,
    ),
    operation(
        "exec -it sh: a developer as a user",
        7,
        "app",
        r"printf 'ls\nexit\n' | typed 'docker exec -it --user 1000 app sh'",
    ),
    operation(
        "exec -it bash -l: a developer as root",
        8,
        "app",
        r"printf 'ls\nexit\n' | typed 'docker exec -it app bash -l'",
    ),
    operation(
        "run -it sh: a developer tries an image",
        7,
        "",
        r"printf 'ls\nexit\n' | typed 'docker run -it --name try $APP sh'",
    ),
    operation(
        "an editor attaches: a shell that reads its input",
        7,
        "app --user 1000",
        "echo 'uname -m; exit' | docker exec -i -u 1000 -w /tmp app /bin/sh",
    ),
    operation(
        "CI: npm in a job's own container",
        6,
        "",
        r"
    docker run --rm --volume $PWD:/src --workdir /src --env CI=true $APP npm ci
    docker run --rm --volume $PWD:/src --workdir /src --env CI=true $APP npm run build",
    ),
    operation(
        "CI: GitLab pipes a script into a container's shell",
        7,
        "",
        r"
    echo 'echo building; make' |
        docker run -i --rm -v $PWD:/builds $APP sh -c 'if [ -x /bin/bash ]; then exec sh; else exec sh; fi'",
    ),
    operation(
        "CI: integration tests with a database beside them",
        6,
        "",
        r"
    docker network create ci-1234
    docker run -d --name ci-db --network ci-1234 --network-alias postgres -e POSTGRES_PASSWORD=ci $APP server
    docker run --rm --network ci-1234 -e DATABASE_URL=postgres://postgres:ci@postgres/test $APP pytest -q",
    ),
    operation(
        "twenty containers at once",
        6,
        "",
        "for i in $(seq 20); do quiet docker run -d --name w$i $APP server & done; wait",
    ),
    operation("compose stop", 3, "compose_up", "compose_stop"),
    operation(
        "compose start",
        6,
        "compose_up; compose_stop",
        "docker start shop-db-1 shop-cache-1; docker start shop-web-1",
    ),
    operation("compose restart", 3, "compose_up", "docker restart shop-db-1 shop-cache-1 shop-web-1"),
    operation("compose kill", 3, "compose_up", "docker kill shop-db-1 shop-cache-1 shop-web-1"),
    operation("compose down", 3, "compose_up", "compose_down"),
    operation(
        "compose up: a service changed and is made anew",
        6,
        "compose_up",
        r"
    docker stop shop-web-1; docker rename shop-web-1 3f1a_shop-web-1
    compose_create web --publish 127.0.0.1:8081:80 $APP server
    docker rm 3f1a_shop-web-1; docker start shop-web-1",
    ),
    operation(
        "compose up --scale web=3",
        6,
        "compose_up",
        r"
    for number in 2 3; do compose_create web $APP server; docker start shop-web-$number; done",
    ),
    operation(
        "compose run --rm: a migration",
        6,
        "compose_network",
        r"
    docker run --rm --name shop-web-run-1f --label com.docker.compose.project=shop \
        --label com.docker.compose.service=web --label com.docker.compose.oneoff=True --network shop_default $APP \
        bundle exec rails db:migrate",
    ),
    operation(
        "build: several steps",
        3,
        "",
        r#"
    build -t $PROJECT:dev <<END
FROM $APP
ENV NODE_ENV=production
RUN mkdir -p /srv/app
RUN echo 1 > /srv/app/version && ls /srv/app
WORKDIR /srv/app
CMD ["server"]
END"#,
    ),
    operation(
        "build: the same tag again, after a change",
        3,
        r#"
    printf "FROM $APP\nRUN echo one > /version\n" | build -t $PROJECT:dev"#,
        r#"
    printf "FROM $APP\nRUN echo two > /version\n" | build -t $PROJECT:dev"#,
    ),
    operation(
        "build: the same again, all from the cache",
        3,
        r#"printf "FROM $APP\nRUN echo one > /version\n" | build -t $PROJECT:dev"#,
        r#"
    printf "FROM $APP\nRUN echo one > /version\n" | build -t $PROJECT:dev"#,
    ),
    operation(
        "build, then run what was built",
        6,
        r#"printf "FROM $APP\nRUN echo one > /version\n" | build -t $PROJECT:dev"#,
        "docker run --rm $PROJECT:dev true",
    ),
    operation(
        "build, push to the company's registry",
        6,
        r#"
    printf "FROM $APP\nRUN echo one > /version\n" | build -t 127.0.0.1:5000/$PROJECT:1"#,
        "docker push -q 127.0.0.1:5000/$PROJECT:1",
    ),
    operation("tag", 6, "", "docker tag $APP $PROJECT:stable"),
    operation(
        "image prune: what builds left",
        3,
        r#"
    for i in 1 2 3; do printf "FROM $APP\nRUN echo $i > /version\n" | build -t $PROJECT:dev; done"#,
        "docker image prune --force",
    ),
    operation(
        "system prune",
        3,
        r#"
    docker run --name old1 $APP job; docker run --name old2 $APP job 1 || :; docker network create old
    for i in 1 2; do printf "FROM $APP\nRUN echo $i > /version\n" | build -t $PROJECT:dev; done"#,
        "docker system prune --force",
    ),
    operation("save", 6, "", "docker save $APP | gzip > app.tar.gz"),
    operation("load: what was saved before", 6, "", "docker save --output app.tar $APP && docker load --input app.tar"),
    operation("pull: from the company's registry", 6, "", "docker pull -q $APP"),
    operation("pull: by digest", 6, "", r#"docker pull -q "$(docker inspect -f '{{index .RepoDigests 0}}' $APP)""#),
    operation(
        "deploy: pull, stop, rm, run",
        6,
        "quiet docker run -d --name web --restart unless-stopped $APP server",
        r"
    docker pull -q $APP; docker stop web; docker rm web
    docker run -d --name web --restart unless-stopped --publish 127.0.0.1:8080:80 $APP server",
    ),
    operation(
        "volume: create, ls, inspect",
        6,
        "",
        "docker volume create data; docker volume ls; docker volume inspect data",
    ),
    operation("volume rm", 6, "docker volume create data", "docker volume rm data"),
    operation(
        "network prune",
        6,
        "docker network create old1; docker network create old2",
        "docker network prune --force",
    ),
    operation("run --rm with an anonymous volume", 6, "", "docker run --rm --volume /data $APP true"),
    operation(
        "backup: a volume restored from an archive",
        6,
        "docker volume create data",
        r"
    tar -czf data.tar.gz --files-from /dev/null
    docker run --rm --volume data:/data --volume $PWD:/backup:ro $APP \
        sh -c 'cd /data && tar -xzf /backup/data.tar.gz'",
    ),
    operation(
        "cron: the nightly prune of everything unused",
        6,
        "docker run --name old $APP job; docker volume create old; docker network create old",
        r"
    docker container prune -f; docker volume prune -f; docker network prune -f; docker image prune -f",
    ),
    operation("health check: curl to localhost", 3, "", "healthy 'curl -f http://localhost:8080/health || exit 1'")
        .until_healthy(),
    operation(
        "health check: wget to 127.0.0.1",
        3,
        "",
        "healthy 'wget --no-verbose --tries=1 --spider http://127.0.0.1:3000/api/health || exit 1'",
    )
    .until_healthy(),
    operation("health check: curl to $(hostname)", 3, "", "healthy 'curl -fs http://$(hostname):9200/_cluster/health'")
        .until_healthy(),
    operation(
        "health check: curl with times and retries",
        3,
        "",
        "healthy 'curl -m 5.5 --retry 2 --connect-timeout 1.5 -A health/1.0 -sf localhost:8080'",
    )
    .until_healthy(),
    operation("health check: pg_isready", 3, "", "healthy 'pg_isready -U postgres -d shop'").until_healthy(),
    operation(
        "health check: node asks its own server",
        3,
        "",
        r#"healthy "node -e \"fetch('http://localhost:3000/health').then(r => process.exit(r.ok ? 0 : 1))\"""#,
    )
    .until_healthy(),
    operation(
        "health check: redis-cli ping with a password",
        3,
        "",
        r#"healthy 'redis-cli --no-auth-warning -a "$REDIS_PASSWORD" ping | grep -q "" || exit 0'"#,
    )
    .until_healthy(),
    operation(
        "wait loop: bash and /dev/tcp",
        3,
        "",
        r"
    docker run -d --name app $APP bash -c 'until (echo > /dev/tcp/db/5432) 2>/dev/null; do sleep 1; done; exec server'",
    ),
    operation(
        "wait loop: until wget answers, then npm start",
        3,
        "",
        r"
    docker run --name app $APP \
        sh -c 'while ! wget -q -O- http://api:3000/health >/dev/null; do sleep 2; done; npm start'",
    ),
    operation(
        "wait loop: pg_isready",
        3,
        "",
        "docker run --name app $APP sh -c 'until pg_isready -h db -p 5432; do sleep 1; done; npm start'",
    ),
    operation("mount: /etc/hosts read-only", 4, "", "docker run -d --name app -v /etc/hosts:/etc/hosts:ro $APP server"),
    operation(
        "mount: /etc/hostname read-only",
        4,
        "",
        "docker run -d --name app -v /etc/hostname:/etc/host_hostname:ro $APP server",
    ),
    operation("mount: /var/log read-only", 4, "", "docker run -d --name app -v /var/log:/var/log:ro $APP server"),
    operation(
        "mount: the host's certificates read-only",
        6,
        "",
        "docker run -d --name app -v /etc/ssl/certs:/etc/ssl/certs:ro $APP server",
    ),
    operation("cap-add NET_ADMIN", 6, "", "docker run -d --name vpn --cap-add NET_ADMIN $APP server"),
    operation(
        "a side car in another's network",
        6,
        "app",
        "docker run -d --name proxy --network container:app $APP server",
    ),
    operation(
        "labels: Traefik's router",
        6,
        "",
        r"
    docker run -d --name web --label traefik.enable=true \
        --label 'traefik.http.routers.shop.rule=Host(`shop.example.com`)' \
        --label traefik.http.routers.shop.tls=true --label traefik.http.routers.shop.tls.certresolver=le $APP server",
    ),
    operation(
        "labels: those of Red Hat's images",
        6,
        "",
        r"
    docker run -d --name app --label name=ubi9 --label version=9.4 --label release=1214 \
        --label architecture=x86_64 --label vendor='Red Hat, Inc.' --label summary='Base image' \
        --label url=https://example.com --label io.openshift.expose-services= \
        --label distribution-scope=public $APP server",
    ),
    operation("the engine reads its configuration anew", 6, "", "kill -HUP $(cat $ENGINE_PID)")
        .sees(1, "daemon reload"),
    operation(
        "the engine is restarted, a service with it",
        6,
        "quiet docker run -d --name app --restart unless-stopped $APP server",
        "engine restart",
    )
    .sees(1, "container start"),
];

/// What does not keep to its maximum yet: the rules that end above it, with their levels.
pub const EXCEEDS: Exceeds = &[];
