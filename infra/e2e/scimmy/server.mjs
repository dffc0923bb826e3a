// An independent SCIM 2.0 server (SCIMMY) with users in memory, on loopback.
// It prints its port, empties itself on POST /reset, and ends when its
// standard input does, so that no test leaves it behind.
import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const token = process.env.SCIM_TOKEN;
if (!token) throw new Error("SCIM_TOKEN is missing");

const users = new Map();

SCIMMY.Resources.declare(SCIMMY.Resources.User)
    .extend(SCIMMY.Schemas.EnterpriseUser, false)
    .ingress((resource, data) => {
        const id = resource.id ?? randomUUID();
        if (resource.id && !users.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
        const taken = [...users.values()].some(u => u.id !== id && u.userName.toLowerCase() === data.userName.toLowerCase());
        if (taken) throw new SCIMMY.Types.Error(409, "uniqueness", "userName is in use");
        const now = new Date();
        const user = { ...JSON.parse(JSON.stringify(data)), id, meta: { created: users.get(id)?.meta.created ?? now, lastModified: now } };
        users.set(id, user);
        return user;
    })
    .egress(resource => {
        if (resource.id) {
            if (!users.has(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
            return users.get(resource.id);
        }
        const all = [...users.values()];
        return resource.filter ? resource.filter.match(all) : all;
    })
    .degress(resource => {
        if (!users.delete(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
    });

const app = express();
app.post("/reset", (request, response) => {
    users.clear();
    response.status(204).end();
});
app.use("/scim/v2", new SCIMMYRouters({
    type: "bearer",
    handler: request => {
        if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("the token is not valid");
    },
}));

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
