import {
  AmbientLight,
  BoxGeometry,
  CanvasTexture,
  DirectionalLight,
  EdgesGeometry,
  Group,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
  PerspectiveCamera,
  PlaneGeometry,
  Raycaster,
  Scene,
  SRGBColorSpace,
  Vector2,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import type { Look } from "./look";
import { paint } from "./facePicture";

const WIDTH = 1;
const HEIGHT = 0.72;
const DEPTH = 1.2;
const WALL = 0.12;
const PIXELS = { width: 256, height: 184 };
/** A press that moves less than this is a click. */
const CLICK_PX = 5;
const OPEN = -1.1;

/** A face and the words on it. */
export interface Front {
  slot: number;
  row: number;
  column: number;
  open: boolean;
  paint: Parameters<typeof paint>[1];
}

interface Door {
  hinge: Group;
  mesh: Mesh<PlaneGeometry, MeshBasicMaterial>;
  texture: CanvasTexture;
  canvas: HTMLCanvasElement;
  key: string;
}

/** The cabinet as a body that can be turned. It is drawn when something changes, and at no other time. */
export class Cabinet3d {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(30, 1, 0.1, 200);
  private readonly controls: OrbitControls;
  private readonly body = new Mesh(new BoxGeometry(), new MeshLambertMaterial());
  private readonly frame: LineSegments<EdgesGeometry, LineBasicMaterial>;
  private readonly doors = new Map<number, Door>();
  private readonly resize: ResizeObserver;
  private size = { rows: 0, columns: 0 };
  private asked = 0;
  private drawn = 0;
  private pressed: { x: number; y: number } | null = null;

  /** Throws where the browser draws no WebGL. `failed`: it stopped doing so. */
  constructor(
    private readonly host: HTMLElement,
    private readonly choose: (slot: number) => void,
    failed: () => void,
  ) {
    this.renderer = new WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    const canvas = this.renderer.domElement;
    canvas.setAttribute("aria-hidden", "true");
    host.append(canvas);
    this.scene.add(new AmbientLight(0xffffff, 1.9));
    const sun = new DirectionalLight(0xffffff, 1.4);
    sun.position.set(-3, 5, 8);
    this.scene.add(sun, this.body);
    this.frame = new LineSegments(new EdgesGeometry(new PlaneGeometry(WIDTH, HEIGHT)), new LineBasicMaterial());
    this.frame.visible = false;
    this.scene.add(this.frame);
    this.controls = new OrbitControls(this.camera, canvas);
    Object.assign(this.controls, {
      enablePan: false,
      enableDamping: false,
      minAzimuthAngle: -1.2,
      maxAzimuthAngle: 1.2,
      minPolarAngle: 0.7,
      maxPolarAngle: 1.9,
    });
    this.controls.addEventListener("change", () => this.ask());
    canvas.addEventListener("pointerdown", (event) => {
      this.pressed = { x: event.clientX, y: event.clientY };
    });
    canvas.addEventListener("pointerup", (event) => this.released(event));
    canvas.addEventListener("webglcontextlost", failed);
    this.resize = new ResizeObserver(() => this.fit());
    this.resize.observe(host);
  }

  /** Show these fronts; only what looks different is painted anew. */
  show(fronts: readonly Front[], rows: number, columns: number, look: Look): void {
    this.body.material.color.set(look.body);
    this.frame.material.color.set(look.focus);
    let changed = false;
    if (rows !== this.size.rows || columns !== this.size.columns) {
      this.size = { rows, columns };
      this.body.scale.set(columns * WIDTH + 2 * WALL, rows * HEIGHT + 2 * WALL, DEPTH);
      this.body.position.z = -DEPTH / 2;
      this.fromTheFront();
    }
    for (const front of fronts) changed = this.put(front, look) || changed;
    for (const [slot, door] of this.doors) {
      if (fronts.some((front) => front.slot === slot)) continue;
      this.remove(slot, door);
      changed = true;
    }
    if (changed) this.ask();
  }

  /** Put a frame around one slot, or around none. */
  point(slot: number | null): void {
    const door = slot === null ? undefined : this.doors.get(slot);
    this.frame.visible = door !== undefined;
    if (door !== undefined) {
      door.mesh.add(this.frame);
      this.frame.position.z = 0.01;
    }
    this.ask();
  }

  fromTheFront(): void {
    const { rows, columns } = this.size;
    const aspect = this.camera.aspect;
    const tall = Math.max(rows * HEIGHT + 2 * WALL, (columns * WIDTH + 2 * WALL) / aspect) * 1.12;
    const distance = tall / (2 * Math.tan((this.camera.fov * Math.PI) / 360));
    this.camera.position.set(distance * 0.28, distance * 0.16, distance * 0.96);
    this.controls.minDistance = distance * 0.35;
    this.controls.maxDistance = distance * 2;
    this.controls.target.set(0, 0, 0);
    this.controls.update();
    this.ask();
  }

  dispose(): void {
    cancelAnimationFrame(this.asked);
    this.resize.disconnect();
    this.controls.dispose();
    for (const [slot, door] of this.doors) this.remove(slot, door);
    this.body.geometry.dispose();
    this.body.material.dispose();
    this.frame.geometry.dispose();
    this.frame.material.dispose();
    this.renderer.dispose();
    this.renderer.domElement.remove();
  }

  /** Whether the slot looks different from before. */
  private put(front: Front, look: Look): boolean {
    const door = this.doors.get(front.slot) ?? this.hang(front.slot);
    const { rows, columns } = this.size;
    const key = JSON.stringify([front, rows, columns, look]);
    if (door.key === key) return false;
    door.key = key;
    door.hinge.position.set((front.column - columns / 2) * WIDTH, (rows / 2 - front.row - 0.5) * HEIGHT, 0.02);
    door.hinge.rotation.y = front.open ? OPEN : 0;
    paint(door.canvas, front.paint, look);
    door.texture.needsUpdate = true;
    return true;
  }

  private hang(slot: number): Door {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, PIXELS);
    const texture = new CanvasTexture(canvas);
    texture.colorSpace = SRGBColorSpace;
    texture.anisotropy = this.renderer.capabilities.getMaxAnisotropy();
    const mesh = new Mesh(new PlaneGeometry(WIDTH * 0.94, HEIGHT * 0.92), new MeshBasicMaterial({ map: texture }));
    mesh.position.x = WIDTH / 2;
    mesh.userData["slot"] = slot;
    const hinge = new Group();
    hinge.add(mesh);
    this.scene.add(hinge);
    const door: Door = { hinge, mesh, texture, canvas, key: "" };
    this.doors.set(slot, door);
    return door;
  }

  private remove(slot: number, door: Door): void {
    this.scene.remove(door.hinge);
    door.mesh.geometry.dispose();
    door.mesh.material.dispose();
    door.texture.dispose();
    this.doors.delete(slot);
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (width === 0 || height === 0) return;
    this.renderer.setSize(width, height);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    if (this.drawn === 0) this.fromTheFront();
    this.ask();
  }

  private ask(): void {
    if (this.asked !== 0) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.drawn += 1;
      this.host.dataset["drawn"] = String(this.drawn);
      this.renderer.render(this.scene, this.camera);
    });
  }

  private released(event: PointerEvent): void {
    const { pressed } = this;
    this.pressed = null;
    if (pressed === null || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > CLICK_PX) return;
    const box = this.renderer.domElement.getBoundingClientRect();
    const at = new Vector2(
      ((event.clientX - box.left) / box.width) * 2 - 1,
      1 - ((event.clientY - box.top) / box.height) * 2,
    );
    const ray = new Raycaster();
    ray.setFromCamera(at, this.camera);
    const hit = ray.intersectObjects([...this.doors.values()].map((door) => door.mesh), false)[0];
    const slot: unknown = hit?.object.userData["slot"];
    if (typeof slot === "number") this.choose(slot);
  }
}
