//! The half of the operations that is only counted: whoever writes the program does not look at them, so that they tell
//! whether it keeps quiet on days that it was not written for.

use super::operation::{Exceeds, Operation, operation};

pub const OPERATIONS: &[Operation] = &[
    operation("stop: a server that ends in order", 3, "quiet docker run -d --name app $APP server", "docker stop app"),
    operation("stop: a program that SIGTERM ends", 3, "app", "docker stop app"),
    operation(
        "stop: twelve containers at once",
        3,
        "for i in $(seq 12); do quiet docker run -d --name w$i $APP server; done",
        "docker stop $(docker ps -q)",
    ),
    operation(
        "restart: a program that does not hear SIGTERM",
        3,
        "quiet docker run -d --name app $APP sleep 600",
        "docker restart -t 1 app",
    ),
    operation(
        "rm -f: five running containers",
        3,
        "for i in $(seq 5); do quiet docker run -d $APP sleep 600; done",
        "docker rm -f $(docker ps -aq)",
    ),
    operation(
        "rm: five that have ended",
        6,
        "for i in $(seq 5); do docker run --name job$i $APP job; done",
        "docker rm job1 job2 job3 job4 job5",
    ),
    operation("kill: a container", 3, "app", "docker kill app"),
    operation(
        "kill -s HUP: a server reads its configuration anew",
        3,
        "quiet docker run -d --name web $APP server",
        "docker kill -s HUP web",
    ),
    operation(
        "kill -s TERM: a server ends in order",
        3,
        "quiet docker run -d --name web $APP server",
        "docker kill -s TERM web && docker wait web",
    ),
    operation("run --rm: true", 6, "", "docker run --rm $APP true"),
    operation("run --rm --entrypoint: a look at a file", 6, "", "docker run --rm --entrypoint cat $APP /bin/job"),
    operation(
        "run: a job that fails, and stays to be looked at",
        3,
        "",
        "! docker run --name nightly $APP job 4; docker logs nightly",
    ),
    operation("run --detach: a job that ends well", 6, "", "docker run -d --name job $APP job && docker wait job"),
    operation(
        "run --detach: a program that ends with an error by itself",
        5,
        "",
        "docker run -d --name app $APP job 1 && docker wait app",
    ),
    operation(
        "crash loop: five restarts on failure",
        8,
        "",
        "docker run -d --name app --restart on-failure:5 $APP job 1",
    )
    .once()
    .sees(6, "container die"),
    operation(
        "restart policy: a worker that ends well and is started anew",
        6,
        "",
        r#"
    docker run -d --name worker --restart always $APP sleep 0.2
    until [ "$(docker inspect -f '{{.RestartCount}}' worker)" -ge 2 ]; do :; done
    docker update --restart no worker; docker wait worker"#,
    ),
    operation("create, and never start", 6, "", "docker create --name app $APP server && docker rm app"),
    operation("update: limits", 6, "app", "docker update --memory 256m --memory-swap 256m --cpus 1 app"),
    operation("update: restart policy", 6, "app", "docker update --restart unless-stopped app"),
    operation("export: files of a container for an archive", 6, "app", "docker export app | gzip > app.tar.gz"),
    operation("commit: a container becomes an image", 6, "app", "docker commit app $PROJECT:snapshot"),
    operation(
        "cp: a configuration into a container",
        6,
        "app",
        "echo x=1 > app.conf && docker cp app.conf app:/etc/app.conf",
    ),
    operation("exec: a plain program", 6, "app", "docker exec app ls /etc"),
    operation("exec: a program that fails", 6, "app", "! docker exec app cat /nowhere"),
    operation("exec: a program that is not there", 6, "app", "! docker exec app pyhton3 --version"),
    operation(
        "exec: nginx checks and reloads its configuration",
        6,
        "app",
        "docker exec app nginx -t && docker exec app nginx -s reload",
    ),
    operation(
        "exec: migrations of Laravel, Django and Rails",
        6,
        "app",
        r"
    docker exec app php artisan migrate --force
    docker exec app python manage.py migrate --noinput
    docker exec app bundle exec rails db:migrate",
    ),
    operation(
        "exec: pg_dump without a shell",
        6,
        "app",
        "docker exec --user 70 app pg_dump --format=custom shop > shop.dump",
    ),
    operation(
        "exec: mysqldump with a password in the environment",
        6,
        "app",
        "docker exec --env MYSQL_PWD=geheim app mysqldump --all-databases > all.sql",
    ),
    operation(
        "exec: a monitor that asks ten times",
        6,
        "app",
        "for i in $(seq 10); do docker exec app mysqladmin status; done",
    ),
    operation(
        "exec: a wait loop through a shell",
        7,
        "app",
        "docker exec app sh -c 'until nc -z db 5432; do sleep 1; done'",
    ),
    operation("exec -it sh: a developer as root", 8, "app", r"printf 'ls\nexit\n' | typed 'docker exec -it app sh'"),
    operation(
        "exec -it psql: a developer looks into the database",
        6,
        "app",
        r"printf '\\q\n' | typed 'docker exec -it app psql shop'",
    ),
    operation(
        "run -it --rm sh: a developer in a project's folder",
        7,
        "",
        r"
    printf 'ls\nexit\n' | typed 'docker run -it --rm --volume $PWD:/src --workdir /src $APP sh'",
    ),
    operation(
        "an editor attaches: ten commands through a shell",
        7,
        "app --user 1000",
        r#"
    for c in 'uname -m' 'cat /etc/os-release || true' 'cat /etc/passwd || true' 'echo $HOME' 'id -u' \
        'test -d /root/.vscode-server || true' 'mkdir -p /tmp/.vscode' 'env' 'command -v git || true' \
        'ps -o pid,args || true'; do
        docker exec -i -u 1000 app /bin/sh -c "$c"
    done"#,
    ),
    operation(
        "CI: pip and pytest in a job's own container",
        6,
        "",
        r"
    docker run --rm --volume $PWD:/src -w /src $APP sh -c 'pip install -r requirements.txt && pytest'",
    ),
    operation(
        "CI: npm, pip and git by exec",
        7,
        "app",
        r"
    docker exec app git fetch --depth 1 origin main
    docker exec app npm ci
    docker exec app pip install --requirement requirements.txt",
    ),
    operation(
        "CI: Jenkins keeps a container and works in it",
        7,
        "",
        r"
    id=$(docker run -t -d -u 1000:1000 -w /src -v $PWD:/src -e CI=true $APP cat)
    docker top $id -eo pid,comm
    docker exec -u 1000 $id git rev-parse HEAD
    docker exec -u 1000 $id sh -xe -c 'make test'
    docker stop --time=1 $id; docker rm -f --volumes $id",
    ),
    operation(
        "CI: GitHub runs a step's script by exec",
        7,
        "app --volume $PWD:/__w",
        "docker exec -i --workdir / -e CI=true app sh -e -c 'npm test'",
    ),
    operation(
        "CI: everything of a job is removed",
        3,
        "docker network create ci; quiet docker run -d --name ci-db --network ci $APP server",
        r"
    docker rm -f -v ci-db; docker network rm ci",
    ),
    operation("compose up: three services, a network, a volume", 6, "", "compose_up"),
    operation(
        "compose down --volumes",
        6,
        "compose_up; compose_stop",
        r"
    docker rm shop-web-1 shop-cache-1 shop-db-1; docker network rm shop_default; docker volume rm shop_data",
    ),
    operation(
        "build: packages and what is fetched",
        3,
        "",
        r"
    build -t $PROJECT:dev <<END
FROM $APP
RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
RUN curl -fsSL https://example.com/setup.sh -o /tmp/setup.sh && sh /tmp/setup.sh || true
RUN npm ci --omit=dev && pip install --no-cache-dir -r requirements.txt
END",
    ),
    operation(
        "build: a step fails",
        3,
        "",
        r"
    ! build -t $PROJECT:dev <<END
FROM $APP
RUN echo 1
RUN false
END",
    ),
    operation(
        "build: two stages, as a user, with an argument",
        3,
        "",
        r"
    build -t $PROJECT:dev --build-arg VERSION=7 --label org.opencontainers.image.revision=1a2b3c <<END
FROM $APP AS make
ARG VERSION
RUN make VERSION=\$VERSION; echo \$VERSION > /tmp/out
FROM $APP
COPY --from=make /tmp/out /srv/out
USER 1000
RUN id
END",
    ),
    operation(
        "build --no-cache --pull",
        3,
        "",
        r#"printf "FROM $APP\nRUN date > /built\n" | build --no-cache --pull -t $PROJECT:nightly"#,
    ),
    operation("rmi: a name", 3, "docker tag $APP $PROJECT:old", "docker rmi $PROJECT:old"),
    operation(
        "rmi: an image that was built",
        3,
        r#"printf "FROM $APP\nRUN echo one > /version\n" | build -t $PROJECT:dev"#,
        "docker rmi $PROJECT:dev",
    ),
    operation(
        "image prune --all: what one project built",
        3,
        r#"
    for i in 1 2; do
        printf "FROM $APP\nLABEL project=shop\nRUN echo $i > /version\n" | build -t $PROJECT:$i
    done"#,
        "docker image prune --all --force --filter label=project=shop",
    ),
    operation("builder prune", 6, "", "docker builder prune --force"),
    operation("container prune", 6, "for i in 1 2 3; do docker run $APP job; done", "docker container prune --force"),
    operation("import: a root folder", 6, "app", "docker export app > app.tar && docker import app.tar $PROJECT:base"),
    operation(
        "pull: a new image under a tag that was there",
        6,
        r#"
    for i in one two; do
        printf "FROM $APP\nRUN echo $i > /version\n" | build -t 127.0.0.1:5000/$PROJECT:latest
        docker push -q 127.0.0.1:5000/$PROJECT:latest
    done
    docker rmi 127.0.0.1:5000/$PROJECT:latest
    printf "FROM $APP\nRUN echo one > /version\n" | build -t 127.0.0.1:5000/$PROJECT:latest"#,
        "docker pull -q 127.0.0.1:5000/$PROJECT:latest",
    ),
    operation(
        "deploy: the new one beside the old one, then renamed",
        6,
        "quiet docker run -d --name web $APP server",
        r"
    docker run -d --name web-new $APP server; docker stop web
    docker rename web web-old; docker rename web-new web; docker rm web-old",
    ),
    operation(
        "volume prune",
        6,
        "docker volume create data1; docker volume create data2",
        "docker volume prune --force",
    ),
    operation(
        "network: create, connect, disconnect, rm",
        6,
        "app",
        r"
    docker network create --driver bridge backend; docker network connect --alias api backend app
    docker network disconnect backend app; docker network rm backend",
    ),
    operation(
        "backup: a volume into an archive",
        6,
        "docker volume create data",
        r"
    docker run --rm --volume data:/data:ro --volume $PWD:/backup $APP tar -czf /backup/data.tar.gz -C /data .",
    ),
    operation(
        "backup: a database stopped, copied, started",
        3,
        "docker volume create data; quiet docker run -d --name db -v data:/data $APP server",
        r"
    docker stop db
    docker run --rm --volumes-from db:ro -v $PWD:/backup $APP tar -cf /backup/db.tar /data
    docker start db",
    ),
    operation(
        "backup: restic by a container of its own",
        6,
        "docker volume create data",
        r"
    docker run --rm --hostname db1 -v data:/data:ro -e RESTIC_PASSWORD=geheim \
        -e RESTIC_REPOSITORY=rest:http://backup:8000/ $APP restic backup /data",
    ),
    operation(
        "certificates: certbot renews, nginx reloads",
        6,
        "docker volume create certs; app -v certs:/etc/letsencrypt:ro",
        r"
    docker run --rm -v certs:/etc/letsencrypt $APP certbot renew --quiet; docker exec app nginx -s reload",
    ),
    operation(
        "health check: curl to a service by name",
        3,
        "docker network create shop",
        r"
    healthy 'curl -fsS http://web:8123/ping' --network shop --network-alias web \
        --label com.docker.compose.service=web",
    )
    .until_healthy(),
    operation(
        "health check: curl over a socket",
        3,
        "",
        "healthy 'curl --fail --unix-socket /run/app.sock http://localhost/status'",
    )
    .until_healthy(),
    operation(
        "health check: curl with a header of another host",
        3,
        "",
        r#"healthy 'curl -fsS -H "Host: shop.example.com" -o /dev/null http://127.0.0.1/'"#,
    )
    .until_healthy(),
    operation("health check: nc to a port", 3, "", "healthy 'nc -z localhost 5432 || exit 1'").until_healthy(),
    operation("health check: bash to a port", 3, "", r#"healthy "bash -c '</dev/tcp/127.0.0.1/3306'""#).until_healthy(),
    operation(
        "health check: wget to [::1] through a proxy's exception",
        3,
        "",
        "healthy 'no_proxy=* wget -q -T 2 -O- http://[::1]:8000/healthz > /dev/null'",
    )
    .until_healthy(),
    operation(
        "wait loop: until nc -z db",
        3,
        "",
        "docker run -d --name app $APP sh -c 'until nc -z db 5432; do sleep 1; done; exec server'",
    ),
    operation(
        "wait loop: wait-for-it.sh",
        3,
        "",
        "docker run --name app $APP wait-for-it.sh db:5432 --timeout=30 -- npm start",
    ),
    operation(
        "mount: /etc/localtime read-only",
        4,
        "",
        "docker run -d --name app -v /etc/localtime:/etc/localtime:ro $APP server",
    ),
    operation(
        "mount: /etc/timezone and /etc/localtime read-only",
        4,
        "",
        r"
    docker run -d --name app -v /etc/timezone:/etc/timezone:ro -v /etc/localtime:/etc/localtime:ro $APP server",
    ),
    // Not started: the engine would make the folder on a host that has none.
    operation(
        "mount: /etc/letsencrypt read-only",
        4,
        "",
        "docker create --name app -v /etc/letsencrypt:/etc/letsencrypt:ro $APP server",
    ),
    operation(
        "mount: a project's folder",
        6,
        "",
        "docker run -d --name app --volume $PWD:/app --volume /app/node_modules --workdir /app $APP server",
    ),
    operation(
        "mount: files of the project as secrets",
        6,
        "",
        r"
    echo geheim > db_password
    docker run -d --name db -v $PWD/db_password:/run/secrets/db_password:ro --tmpfs /run/shop $APP server",
    ),
    operation("publish: a port on loopback", 6, "", "docker run -d --name web -p 127.0.0.1:8080:80 $APP server"),
    operation("publish: a port on all addresses", 6, "", "docker run -d --name web -p 8080:80 $APP server"),
    operation("network host", 5, "", "docker run -d --name exporter --network host $APP server"),
    operation(
        "hardened: no capabilities but one, read-only, limits, a user",
        6,
        "",
        r"
    docker run -d --name app --cap-drop ALL --cap-add NET_BIND_SERVICE --read-only --tmpfs /tmp \
        --security-opt no-new-privileges --memory 128m --cpus 0.5 --pids-limit 100 --user 1000:1000 $APP server",
    ),
    operation(
        "shared memory, hosts, DNS, hostname, environment",
        6,
        "",
        r"
    docker run -d --name db --shm-size 256m --add-host mail:127.0.0.2 --dns 127.0.0.1 --hostname db1 \
        -e POSTGRES_PASSWORD=geheim --stop-signal INT --stop-timeout 30 $APP server",
    ),
    operation(
        "labels: a description of several lines",
        6,
        "",
        r"
    docker run -d --name app --label description='A shop.
It sells books.' $APP server",
    ),
    operation(
        "labels: texts in other scripts, emoji",
        6,
        "",
        r"
    docker run -d --name app --label description='Bücher ✓ 书店' \
        --label org.opencontainers.image.title='Familie 👨‍👩‍👧' $APP server",
    ),
];

/// What does not keep to its maximum yet: the rules that end above it, with their levels.
pub const EXCEEDS: Exceeds = &[];
